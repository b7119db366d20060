package asm_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/purebpf/bpf/asm"
)

// everyEncoding is each of the 256 opcodes with registers, offsets and immediates around every
// value that means something.
func everyEncoding() []asm.Instruction {
	var out []asm.Instruction
	regs := []asm.Registers{0x21, 0x00, 0xa9, 0xbb, 0xc1, 0x1c, 0xf2, 0x2f}
	if testing.Short() {
		regs = regs[:1]
	}
	offs := []int16{0, 1, -1, 2, 8, 16, 32, 64, -8, 32767, -32768}
	imms := []int32{0, 1, -1, 2, 5, 16, 32, 64, 0x10001, 0x7fffffff, -0x80000000}
	atomics := []int32{0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe0, 0xe1, 0xf0, 0xf1, 0x4f, 0x100,
		0x101, 0x110, 0x111, 0x200, 0x1e1, 0x10, 0xff}
	for op := range 256 {
		for _, r := range regs {
			for k, off := range offs {
				for n, imm := range imms {
					// all pairs with one register pair, else each value by itself
					if r == 0x21 || k < 2 || n < 2 {
						out = append(out, asm.Instruction{
							Op:   asm.Opcode(op),
							Regs: r,
							Off:  off,
							Imm:  imm,
						})
					}
				}
			}
			if asm.Opcode(op).Class() == asm.ClassSTX {
				for _, imm := range atomics {
					out = append(out, asm.Instruction{
						Op:   asm.Opcode(op),
						Regs: r,
						Off:  -8,
						Imm:  imm,
					})
				}
			}
		}
	}
	return out
}

// llvmTexts disassembles each of insns by itself, followed by a slot that ld_imm64 can take, and
// returns the texts without labels.
func llvmTexts(t *testing.T, triple string, insns []asm.Instruction, args ...string) []string {
	order := binary.ByteOrder(binary.LittleEndian)
	if triple == "bpfeb" {
		order = binary.BigEndian
	}
	var code []byte
	for _, i := range insns {
		code = asm.Append(code, order, i, asm.Instruction{
			Op:  asm.OpGoto,
			Off: 0x77,
			Imm: 0x1234567,
		})
	}
	out := objdump(t, assemble(t, triple, ".text\n"+bytesSource(code)),
		append(args, "--disassemble-zeroes", "--no-show-raw-insn")...)
	texts := make([]string, len(insns))
	for line := range strings.Lines(out) {
		var slot int
		number, text, ok := strings.Cut(line, ":\t")
		if !ok {
			continue
		}
		if _, err := fmt.Sscan(number, &slot); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if slot%2 == 0 {
			text, _, _ = strings.Cut(strings.TrimSuffix(text, "\n"), " <.text")
			texts[slot/2] = text
		}
	}
	return texts
}

// Oracle: llvm-objdump-19 -d, and for 32-bit atomics llvm-objdump-19 -d --mcpu=v3.
// TestTextNewerThanLLVM19 has the encodings that version 19 does not know.
func TestTextOfEveryEncoding(t *testing.T) {
	insns := everyEncoding()
	for _, triple := range bothOrders {
		plain := llvmTexts(t, triple, insns)
		v3 := llvmTexts(t, triple, insns, "--mcpu=v3")
		known := 0
		for n, i := range insns {
			want := plain[n]
			if want == "" {
				t.Fatalf("llvm-objdump printed nothing for encoding %d, %#v", n, i)
			}
			if i.IsAtomic() && i.Op.Size() == asm.W &&
				(want == "<unknown>" || strings.Contains(v3[n], "atomic_fetch")) {
				want = v3[n]
			}
			if newerThanLLVM19(i) {
				continue
			}
			if want != "<unknown>" {
				known++
			}
			text, _ := asm.AppendText(nil, []asm.Instruction{i, {
				Op:  asm.OpGoto,
				Off: 0x77,
				Imm: 0x1234567,
			}})
			if string(text) != want {
				t.Errorf("%s %02x %02x off %d imm %#x: %q, llvm-objdump says %q", triple, i.Op,
					i.Regs, i.Off, i.Imm, text, want)
			}
		}
		t.Logf("%s: %d encodings, %d of them instructions", triple, len(insns), known)
		if known < 3000 {
			t.Errorf("only %d encodings are instructions", known)
		}
	}
}

// newerThanLLVM19 reports whether this package has a text for i that LLVM 19 does not print.
func newerThanLLVM19(i asm.Instruction) bool {
	if i.Op == asm.OpGotox && i.Dst() <= asm.R11 {
		return true
	}
	return i.IsAtomic() && i.Dst() <= asm.R11 && i.Src() <= asm.R11 &&
		(i.Imm == 0x100 || i.Imm == 0x110)
}

// Oracle: the expectations of LLVM's own test llvm/test/CodeGen/BPF/assembler-disassembler-v4.s
// (versions 20 and later) for the same bytes; for gotox the text of the kernel's disassembler
// (kernel/bpf/disasm.c since 6.19).
func TestTextNewerThanLLVM19(t *testing.T) {
	for _, c := range []struct {
		raw  string
		text string
	}{
		{"\xd3\x10\x00\x00\x00\x01\x00\x00", "w0 = load_acquire((u8 *)(r1 + 0x0))"},
		{"\xcb\x10\x00\x00\x00\x01\x00\x00", "w0 = load_acquire((u16 *)(r1 + 0x0))"},
		{"\xc3\x10\x00\x00\x00\x01\x00\x00", "w0 = load_acquire((u32 *)(r1 + 0x0))"},
		{"\xdb\x10\x00\x00\x00\x01\x00\x00", "r0 = load_acquire((u64 *)(r1 + 0x0))"},
		{"\xd3\x21\x00\x00\x10\x01\x00\x00", "store_release((u8 *)(r1 + 0x0), w2)"},
		{"\xcb\x21\x00\x00\x10\x01\x00\x00", "store_release((u16 *)(r1 + 0x0), w2)"},
		{"\xc3\x21\x00\x00\x10\x01\x00\x00", "store_release((u32 *)(r1 + 0x0), w2)"},
		{"\xdb\x21\x00\x00\x10\x01\x00\x00", "store_release((u64 *)(r1 + 0x0), r2)"},
		{"\x0d\x01\x00\x00\x00\x00\x00\x00", "gotox r1"},
	} {
		insns, err := asm.Decode([]byte(c.raw), binary.LittleEndian)
		if err != nil {
			t.Fatal(err)
		}
		if !newerThanLLVM19(insns[0]) {
			t.Errorf("% x is not listed as newer than LLVM 19", c.raw)
		}
		if got := insns[0].String(); got != c.text {
			t.Errorf("% x: %q, want %q", c.raw, got, c.text)
		}
	}
}

func TestAppendTextEnds(t *testing.T) {
	ld := asm.LdImm64(asm.R1, 1<<32)
	for _, c := range []struct {
		insns []asm.Instruction
		text  string
		slots int
	}{
		{nil, "", 0},
		{ld[:1], "<unknown>", 1},
		{ld[:], "r1 = 0x100000000 ll", 2},
		{[]asm.Instruction{{Op: 0xff}}, "<unknown>", 1},
	} {
		if text, slots := asm.AppendText(nil, c.insns); string(text) != c.text || slots != c.slots {
			t.Errorf("%v: %q, %d slots; want %q, %d", c.insns, text, slots, c.text, c.slots)
		}
	}
}
