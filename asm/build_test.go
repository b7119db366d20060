package asm_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/asm"
)

// Oracle: llvm-mc assembles the text beside each constructor to the same instruction; the text is
// also what String prints.
func TestConstructors(t *testing.T) {
	ld := asm.LdImm64(asm.R1, 0x1122334455667788)
	cases := []struct {
		text string
		insn []asm.Instruction
	}{
		{"r1 += 0x5", []asm.Instruction{asm.Alu64Imm(asm.Add, asm.R1, 5)}},
		{"r1 -= r2", []asm.Instruction{asm.Alu64Reg(asm.Sub, asm.R1, asm.R2)}},
		{"w1 *= -0x5", []asm.Instruction{asm.Alu32Imm(asm.Mul, asm.R1, -5)}},
		{"w1 ^= w2", []asm.Instruction{asm.Alu32Reg(asm.Xor, asm.R1, asm.R2)}},
		{"r1 = 0x5", []asm.Instruction{asm.Mov64Imm(asm.R1, 5)}},
		{"r1 = r10", []asm.Instruction{asm.Mov64Reg(asm.R1, asm.RFP)}},
		{"w1 = 0x5", []asm.Instruction{asm.Mov32Imm(asm.R1, 5)}},
		{"w1 = w2", []asm.Instruction{asm.Mov32Reg(asm.R1, asm.R2)}},
		{"r1 = *(u64 *)(r2 + 0x8)", []asm.Instruction{asm.LdxMem(asm.DW, asm.R1, asm.R2, 8)}},
		{"*(u64 *)(r10 - 0x8) = r1", []asm.Instruction{asm.StxMem(asm.DW, asm.RFP, asm.R1, -8)}},
		{"*(u16 *)(r10 - 0x8) = 0x7", []asm.Instruction{asm.StMem(asm.H, asm.RFP, -8, 7)}},
		{"lock *(u64 *)(r1 + 0x0) += r2",
			[]asm.Instruction{asm.Atomic(asm.DW, asm.AtomicAdd, asm.R1, asm.R2, 0)}},
		{"w2 = atomic_fetch_or((u32 *)(r1 + 0x4), w2)",
			[]asm.Instruction{asm.Atomic(asm.W, asm.AtomicOr|asm.AtomicFetch, asm.R1, asm.R2, 4)}},
		{"r2 = xchg_64(r1 + 0x0, r2)",
			[]asm.Instruction{asm.Atomic(asm.DW, asm.AtomicXchg, asm.R1, asm.R2, 0)}},
		{"w0 = cmpxchg32_32(r1 + 0x0, w0, w2)",
			[]asm.Instruction{asm.Atomic(asm.W, asm.AtomicCmpxchg, asm.R1, asm.R2, 0)}},
		{"if r1 == 0x5 goto +0x1", []asm.Instruction{asm.JmpImm(asm.JEQ, asm.R1, 5, 1)}},
		{"if r1 s<= r2 goto -0x1", []asm.Instruction{asm.JmpReg(asm.JSLE, asm.R1, asm.R2, -1)}},
		{"if w1 & 0x5 goto +0x1", []asm.Instruction{asm.Jmp32Imm(asm.JSET, asm.R1, 5, 1)}},
		{"if w1 < w2 goto +0x1", []asm.Instruction{asm.Jmp32Reg(asm.JLT, asm.R1, asm.R2, 1)}},
		{"goto +0x2", []asm.Instruction{asm.Goto(2)}},
		{"call 0x6", []asm.Instruction{asm.EmitCall(6)}},
		{"exit", []asm.Instruction{asm.ExitInsn()}},
		{"r1 = 0x1122334455667788 ll", ld[:]},
	}
	var source strings.Builder
	var want []asm.Instruction
	source.WriteString(".text\n")
	for _, c := range cases {
		source.WriteString(c.text + "\n")
		want = append(want, c.insn...)
		if text, slots := asm.AppendText(nil, c.insn); string(text) != c.text ||
			slots != len(c.insn) {
			t.Errorf("%s: printed as %q, %d slots", c.text, text, slots)
		}
	}
	raw, _ := section(t, assemble(t, "bpfel", source.String()), ".text")
	got, err := asm.Decode(raw, binary.LittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("llvm-mc makes\n%v\nwe make\n%v", got, want)
	}
}

// Oracle: the kernel's macros BPF_LD_MAP_FD, BPF_LD_MAP_VALUE, BPF_CALL_REL and the pseudo sources
// of the UAPI header.
func TestPseudoConstructors(t *testing.T) {
	for _, c := range []struct {
		got  []asm.Instruction
		want string
	}{
		{slice(asm.LdMapFD(asm.R1, 7)),
			"\x18\x11\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
		{slice(asm.LdMapValue(asm.R2, 7, 9)),
			"\x18\x22\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x00"},
		{slice(asm.LdFunc(asm.R3, -2)),
			"\x18\x43\x00\x00\xfe\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00"},
		{[]asm.Instruction{asm.CallRel(-2)}, "\x85\x10\x00\x00\xfe\xff\xff\xff"},
		{[]asm.Instruction{asm.CallKfuncID(9, 1)}, "\x85\x20\x01\x00\x09\x00\x00\x00"},
	} {
		if got := asm.Append(nil, binary.LittleEndian, c.got...); string(got) != c.want {
			t.Errorf("% x, want % x", got, c.want)
		}
	}
}

func slice(pair [2]asm.Instruction) []asm.Instruction { return pair[:] }
