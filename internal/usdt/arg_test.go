package usdt

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/elf64"
)

// TestParseArgs parses operands of each processor. The oracles are the assemblers' manuals for the
// forms, <sys/sdt.h> for SIZE@OPERAND, and for register offsets the kernel's <asm/ptrace.h> of
// each: x86-64 r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp; arm64
// regs[31] sp; arm uregs[18]; riscv pc ra sp gp tp t0-t2 s0 s1 a0-a7 s2-s11 t3-t6; s390x args[1]
// psw (16 bytes) gprs[16].
func TestParseArgs(t *testing.T) {
	for _, c := range []struct {
		machine elf64.Machine
		text    string
		want    []Arg
	}{
		{elf64.MachineX86_64, "", nil},
		{elf64.MachineX86_64, "-4@$5 8@$-9223372036854775808 8@$18446744073709551615 1@$0x1f",
			[]Arg{
				{Value: 5, Size: 4, Signed: true}, {Value: -1 << 63, Size: 8}, {Value: -1, Size: 8},
				{Value: 31, Size: 1}}},
		{elf64.MachineX86_64,
			"8@%rdi -8@%rsp 4@%eax -4@%r12d 2@%bx -2@%r9w 1@%spl -1@%dl 1@%r15b 8@%rip", []Arg{
				{Kind: Reg, Reg: 112, Size: 8}, {Kind: Reg, Reg: 152, Size: 8, Signed: true},
				{Kind: Reg, Reg: 80, Size: 4},
				{Kind: Reg, Reg: 24, Size: 4, Signed: true}, {Kind: Reg, Reg: 40, Size: 2},
				{Kind: Reg, Reg: 64, Size: 2, Signed: true},
				{Kind: Reg, Reg: 152, Size: 1}, {Kind: Reg, Reg: 96, Size: 1, Signed: true},
				{Kind: Reg, Reg: 0, Size: 1}, {Kind: Reg, Reg: 128, Size: 8}}},
		{elf64.MachineX86_64, "8@-64(%rbp)\t4@(%rax)  -4@+8(%r10)", []Arg{
			{Kind: RegDeref, Value: -64, Reg: 32, Size: 8}, {Kind: RegDeref, Reg: 80, Size: 4},
			{Kind: RegDeref, Value: 8, Reg: 56, Size: 4, Signed: true}}},
		{elf64.MachineX86_64,
			"8@-8(%rbx,%rcx,8) 4@(%rbx,%rcx,4) 2@16(%rbx,%rcx) 1@(%rbx,%rcx) 8@( %rbx , %rcx , 2 )",
			[]Arg{
				{Kind: SIB, Value: -8, Reg: 40, Index: 88, Scale: 3, Size: 8},
				{Kind: SIB, Reg: 40, Index: 88, Scale: 2, Size: 4},
				{Kind: SIB, Value: 16, Reg: 40, Index: 88, Size: 2},
				{Kind: SIB, Reg: 40, Index: 88, Size: 1},
				{Kind: SIB, Reg: 40, Index: 88, Scale: 1, Size: 8}}},
		{elf64.MachineAArch64, "8@x0 -4@x30 8@sp 4@w7 -4@-5 8@1024 8@[sp, 60] -8@[x29,-16] 8@[x19]",
			[]Arg{
				{Kind: Reg, Size: 8}, {Kind: Reg, Reg: 240, Size: 4, Signed: true},
				{Kind: Reg, Reg: 248, Size: 8}, {Kind: Reg, Reg: 56, Size: 4},
				{Value: -5, Size: 4, Signed: true}, {Value: 1024, Size: 8},
				{Kind: RegDeref, Reg: 248, Value: 60, Size: 8},
				{Kind: RegDeref, Reg: 232, Value: -16, Size: 8, Signed: true},
				{Kind: RegDeref, Reg: 152, Size: 8}}},
		{elf64.MachineARM, "4@r0 -4@r10 4@fp 4@ip 4@sp 4@lr 4@pc -4@#-3 4@[fp, #-8] 4@[sp, #4] 4@[r3] 1@#7", []Arg{
			{Kind: Reg, Size: 4}, {Kind: Reg, Reg: 40, Size: 4, Signed: true},
			{Kind: Reg, Reg: 44, Size: 4}, {Kind: Reg, Reg: 48, Size: 4},
			{Kind: Reg, Reg: 52, Size: 4}, {Kind: Reg, Reg: 56, Size: 4},
			{Kind: Reg, Reg: 60, Size: 4}, {Value: -3, Size: 4, Signed: true},
			{Kind: RegDeref, Reg: 44, Value: -8, Size: 4},
			{Kind: RegDeref, Reg: 52, Value: 4, Size: 4}, {Kind: RegDeref, Reg: 12, Size: 4},
			{Value: 7, Size: 1}}},
		{elf64.MachineRISCV, "8@a0 -4@s11 8@-24(s0) 8@0(sp) -4@7 8@t6 8@ra", []Arg{
			{Kind: Reg, Reg: 80, Size: 8}, {Kind: Reg, Reg: 216, Size: 4, Signed: true},
			{Kind: RegDeref, Reg: 64, Value: -24, Size: 8},
			{Kind: RegDeref, Reg: 16, Size: 8}, {Value: 7, Size: 4, Signed: true},
			{Kind: Reg, Reg: 248, Size: 8}, {Kind: Reg, Reg: 8, Size: 8}}},
		{elf64.MachineS390, "8@%r2 -4@%r15 8@160(%r15) -4@-8(%r11) 8@10", []Arg{
			{Kind: Reg, Reg: 40, Size: 8}, {Kind: Reg, Reg: 144, Size: 4, Signed: true},
			{Kind: RegDeref, Reg: 144, Value: 160, Size: 8},
			{Kind: RegDeref, Reg: 112, Value: -8, Size: 4, Signed: true}, {Value: 10, Size: 8}}},
	} {
		got, err := ParseArgs(c.machine, c.text)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("machine %d: %q:\n got %+v, %v\nwant %+v", c.machine, c.text, got, err, c.want)
		}
	}
}

// TestParseArgsErrors checks that invalid operands are refused, with their number. They have none
// of the forms above.
func TestParseArgsErrors(t *testing.T) {
	for _, c := range []struct {
		machine     elf64.Machine
		text        string
		index       int
		unsupported bool
	}{
		{elf64.MachineX86_64, "8%rdi", 0, false},
		{elf64.MachineX86_64, "8@", 0, false},
		{elf64.MachineX86_64, "@%rdi", 0, false},
		{elf64.MachineX86_64, "8@%rdi 3@%rdi", 1, false},
		{elf64.MachineX86_64, "0@%rdi", 0, false},
		{elf64.MachineX86_64, "16@%rdi", 0, false},
		{elf64.MachineX86_64, "8f@%xmm0", 0, false},
		{elf64.MachineX86_64, "8@%xmm0", 0, false},
		{elf64.MachineX86_64, "8@%rdix", 0, false},
		{elf64.MachineX86_64, "8@%", 0, false},
		{elf64.MachineX86_64, "8@$", 0, false},
		{elf64.MachineX86_64, "8@$99999999999999999999", 0, false},
		{elf64.MachineX86_64, "8@counter(%rip)", 0, false},
		{elf64.MachineX86_64, "8@8+counter(%rip)", 0, false},
		{elf64.MachineX86_64, "8@(%rdi", 0, false},
		{elf64.MachineX86_64, "8@(rdi)", 0, false},
		{elf64.MachineX86_64, "8@(%rdi,%rsi,3)", 0, false},
		{elf64.MachineX86_64, "8@(%rdi,%rsi,)", 0, false},
		{elf64.MachineX86_64, "8@(%rdi,)", 0, false},
		{elf64.MachineX86_64, "8@(%rdi)x", 0, false},
		{elf64.MachineX86_64, "8@8 8@%rdi", 0, false},
		{elf64.MachineX86_64, "8@%rdi,8@%rsi", 0, false},
		{elf64.MachineX86_64, strings.Repeat("1@$1 ", 13), 12, true},
		{elf64.MachineAArch64, "8@x31", 0, false},
		{elf64.MachineAArch64, "8@x01", 0, false},
		{elf64.MachineAArch64, "8@[x0, x1]", 0, false},
		{elf64.MachineAArch64, "8@[x0", 0, false},
		{elf64.MachineARM, "4@r16", 0, false},
		{elf64.MachineARM, "4@#", 0, false},
		{elf64.MachineRISCV, "8@a8", 0, false},
		{elf64.MachineRISCV, "8@8(", 0, false},
		{elf64.MachineS390, "8@%r16", 0, false},
		{elf64.MachineS390, "8@8(%r1,%r2)", 0, false},
		{elf64.Machine386, "4@%eax", 0, true},
	} {
		got, err := ParseArgs(c.machine, c.text)
		var e *ArgError
		if !errors.As(err, &e) || e.Index != c.index ||
			errors.Is(err, errors.ErrUnsupported) != c.unsupported {
			t.Errorf("machine %d: %q: %+v, %v", c.machine, c.text, got, err)
		}
	}
}

// FuzzParseArgs checks that parsing does not panic, and that every argument is in struct pt_regs.
func FuzzParseArgs(f *testing.F) {
	for _, text := range []string{"8@-8(%rbx,%rcx,8) 4@%eax", "8@[sp, 60] -4@x3", "8@160(%r15)",
		"8@-24(s0)", "4@[fp, #-8] 4@#3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range []elf64.Machine{elf64.MachineX86_64, elf64.MachineAArch64,
			elf64.MachineARM, elf64.MachineRISCV, elf64.MachineS390} {
			args, err := ParseArgs(m, text)
			if err != nil {
				continue
			}
			if len(args) > MaxArgs {
				t.Fatalf("%d arguments", len(args))
			}
			for _, a := range args {
				if a.Reg < 0 || a.Reg > 272 || a.Index < 0 || a.Index > 272 || a.Scale > 3 ||
					a.Size < 1 || a.Size > 8 || a.Kind > SIB {
					t.Fatalf("%q: %+v", text, a)
				}
			}
		}
	})
}
