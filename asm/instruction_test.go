package asm_test

import (
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/asm"
)

// Oracle: struct bpf_insn of include/uapi/linux/bpf.h: code at 0, registers at 1, off at 2, imm at
// 4, 8 bytes.
func TestInstructionLayout(t *testing.T) {
	var i asm.Instruction
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"size", unsafe.Sizeof(i), 8},
		{"Op", unsafe.Offsetof(i.Op), 0},
		{"Regs", unsafe.Offsetof(i.Regs), 1},
		{"Off", unsafe.Offsetof(i.Off), 2},
		{"Imm", unsafe.Offsetof(i.Imm), 4},
	} {
		if f.got != f.want {
			t.Errorf("%s is at %d, want %d", f.name, f.got, f.want)
		}
	}
}

func TestSetRegisters(t *testing.T) {
	i := asm.Instruction{Regs: 0x21}
	i.SetDst(asm.R9)
	if i.Regs != 0x29 {
		t.Errorf("SetDst(r9) of 0x21 gives %#x", i.Regs)
	}
	i.SetSrc(asm.RFP)
	if i.Regs != 0xa9 || i.Dst() != asm.R9 || i.Src() != asm.R10 {
		t.Errorf("SetSrc(r10) gives %#x", i.Regs)
	}
}

// Oracle: an opcode is a jump with a distance if and only if llvm-objdump prints the label of a
// target for it (TestTextOfEveryEncoding checks the text). The distance is Off, or Imm for gotol.
func TestJumpDistance(t *testing.T) {
	for op := range 256 {
		i := asm.Instruction{Op: asm.Opcode(op), Regs: 0x21, Off: 3, Imm: 5}
		text := i.String()
		want, jumps := int32(0), false
		for _, form := range []struct {
			suffix string
			slots  int32
		}{{"goto +0x3", 3}, {"gotol +0x5", 5}} {
			if len(text) >= len(form.suffix) && text[len(text)-len(form.suffix):] == form.suffix {
				want, jumps = form.slots, true
			}
		}
		if got, ok := i.JumpDistance(); got != want || ok != jumps {
			t.Errorf("%#02x %s: JumpDistance is %d, %v", op, text, got, ok)
		}
	}
}

func TestImm64(t *testing.T) {
	pair := asm.LdImm64(asm.R1, 0x1122334455667788)
	if got := pair[0].Imm64(pair[1]); got != 0x1122334455667788 {
		t.Errorf("Imm64 is %#x", got)
	}
	asm.SetImm64(pair[:], 0xfedcba9876543210)
	if got := pair[0].Imm64(pair[1]); got != 0xfedcba9876543210 {
		t.Errorf("after SetImm64 it is %#x", got)
	}
}

func TestPredicates(t *testing.T) {
	ld := asm.LdFunc(asm.R1, 7)[0]
	for _, c := range []struct {
		insn                                      asm.Instruction
		call, helper, pseudo, kfunc, fn, ld, exit bool
	}{
		{insn: asm.EmitCall(1), call: true, helper: true},
		{insn: asm.CallRel(-1), call: true, pseudo: true},
		{insn: asm.CallKfuncID(9, 1), call: true, kfunc: true},
		{insn: ld, fn: true, ld: true},
		{insn: asm.LdImm64(asm.R1, 1)[0], ld: true},
		{insn: asm.ExitInsn(), exit: true},
		{insn: asm.Instruction{Op: asm.OpCallx}},
	} {
		i := c.insn
		if i.IsCall() != c.call || i.IsHelperCall() != c.helper || i.IsPseudoCall() != c.pseudo ||
			i.IsKfuncCall() != c.kfunc ||
			i.IsPseudoFunc() != c.fn || i.IsLdImm64() != c.ld || i.IsExit() != c.exit {
			t.Errorf("%v: call %v helper %v pseudo %v kfunc %v func %v ld %v exit %v", i,
				i.IsCall(), i.IsHelperCall(), i.IsPseudoCall(),
				i.IsKfuncCall(), i.IsPseudoFunc(), i.IsLdImm64(), i.IsExit())
		}
	}
}
