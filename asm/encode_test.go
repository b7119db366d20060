package asm_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/testkit"
)

// program is assembler source that uses every part of an instruction.
const program = `
	.text
	r1 = r2
	r9 += -0x12345678
	w3 = 0x7fffffff
	r4 = 0x1122334455667788 ll
	*(u32 *)(r10 - 0x124) = r7
	*(u8 *)(r10 - 0x7f) = 0x41
	r0 = *(s16 *)(r6 + 0x7ffe)
	r5 = atomic_fetch_add((u64 *)(r1 + 0x10), r5)
	if r1 s> r2 goto +0x1234
	if w7 != -0x5 goto -0x200
	gotol -0x1234
	call 0xb5
	r2 = be32 r2
	exit
`

// Oracle: llvm-mc encodes the same source in both byte orders; both must decode to the same
// instructions, which must encode to its bytes.
func TestBothByteOrders(t *testing.T) {
	orders := map[string]binary.ByteOrder{"bpfel": binary.LittleEndian, "bpfeb": binary.BigEndian}
	decoded := map[string][]asm.Instruction{}
	for triple, order := range orders {
		raw, _ := section(t, assemble(t, triple, program), ".text")
		insns, err := asm.Decode(raw, order)
		if err != nil {
			t.Fatal(err)
		}
		decoded[triple] = insns
		if got := asm.Append(nil, order, insns...); !bytes.Equal(got, raw) {
			t.Errorf("%s: encoded as\n% x\nwant\n% x", triple, got, raw)
		}
		host := asm.Raw(insns)
		if back, err := asm.Decode(host, binary.NativeEndian); err != nil ||
			!slices.Equal(back, insns) {
			t.Errorf("%s: Raw decodes to %v, %v", triple, back, err)
		}
		if (triple == "bpfel") == (binary.NativeEndian.Uint16([]byte{1, 0}) == 1) &&
			!bytes.Equal(host, raw) {
			t.Errorf("%s: Raw is\n% x\nwant\n% x", triple, host, raw)
		}
	}
	if len(decoded["bpfel"]) != 15 || !slices.Equal(decoded["bpfel"], decoded["bpfeb"]) {
		t.Errorf("little endian\n%v\nbig endian\n%v", decoded["bpfel"], decoded["bpfeb"])
	}
}

// Oracle: the bytes of every executable section of the corpus.
func TestRoundTripCorpus(t *testing.T) {
	var dirs []string
	if testing.Short() {
		dirs = []string{"tools", "xdp"}
	}
	insns, objects := 0, testkit.Corpus(t, dirs...)
	for _, path := range objects {
		f, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range f.Sections {
			if s.Flags&elf.SHF_EXECINSTR == 0 || s.Size == 0 {
				continue
			}
			raw, err := s.Data()
			if err != nil {
				t.Fatal(err)
			}
			code, err := asm.Decode(raw, f.ByteOrder)
			if err != nil {
				t.Fatalf("%s %s: %v", path, s.Name, err)
			}
			if !bytes.Equal(asm.Append(nil, f.ByteOrder, code...), raw) {
				t.Errorf("%s %s: decoding and encoding changes it", path, s.Name)
			}
			swapped, err := asm.Decode(asm.Append(nil, binary.BigEndian, code...), binary.BigEndian)
			if err != nil || !slices.Equal(swapped, code) {
				t.Errorf("%s %s: big endian and back changes it (%v)", path, s.Name, err)
			}
			if view, ok := asm.View(raw, f.ByteOrder); ok && !slices.Equal(view, code) {
				t.Errorf("%s %s: View differs from Decode", path, s.Name)
			}
			insns += len(code)
		}
		f.Close()
	}
	t.Logf("%d instruction slots of %d objects", insns, len(objects))
}

func TestDecodeLength(t *testing.T) {
	for n := range 40 {
		_, err := asm.Decode(make([]byte, n), binary.LittleEndian)
		var length *asm.LengthError
		if errors.As(err, &length) != (n%8 != 0) || length != nil && length.Length != n {
			t.Errorf("Decode of %d bytes: %v", n, err)
		}
		if _, ok := asm.View(make([]byte, n), binary.LittleEndian); ok && n%8 != 0 {
			t.Errorf("View of %d bytes succeeds", n)
		}
	}
}

func TestViewSharesMemory(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		if _, ok := asm.View(make([]byte, 16), binary.BigEndian); ok {
			t.Error("View succeeds on a big-endian machine")
		}
		return
	}
	words := make([]uint64, 3)
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 24)
	insns, ok := asm.View(raw[:16], binary.LittleEndian)
	if !ok || len(insns) != 2 {
		t.Fatalf("View of aligned bytes: %d, %v", len(insns), ok)
	}
	insns[1] = asm.ExitInsn()
	if raw[8] != 0x95 {
		t.Error("a write to the view does not change the bytes")
	}
	if &asm.Raw(insns)[0] != &raw[0] {
		t.Error("Raw copies")
	}
	if _, ok := asm.View(raw[1:17], binary.LittleEndian); ok {
		t.Error("View of misaligned bytes succeeds")
	}
	if _, ok := asm.View(raw[:16], binary.BigEndian); ok {
		t.Error("View of foreign bytes succeeds")
	}
	if insns, ok := asm.View(nil, binary.LittleEndian); !ok || len(insns) != 0 {
		t.Error("View of no bytes fails")
	}
}
