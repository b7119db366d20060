package usdt

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/internal/elf64"
)

// machine describes the notation of a processor's operands.
type machine struct {
	id      elf64.Machine
	operand func(c *cursor, m *machine, a *Arg) (problem string)
	// register returns the offset of a register in struct pt_regs, as BPF programs see it: on
	// arm64, riscv and s390x the struct that user space uses too.
	register func(name string) (offset int, ok bool)
}

// machineOf returns the notation of a processor's operands, nil if it is not known.
func machineOf(id elf64.Machine) *machine {
	for _, m := range [...]machine{
		{elf64.MachineX86_64, x86Operand, x86Register},
		{elf64.MachineAArch64, bracketOperand, arm64Register},
		{elf64.MachineARM, bracketOperand, armRegister},
		{elf64.MachineRISCV, parenOperand, riscvRegister},
		{elf64.MachineS390, parenOperand, s390Register},
	} {
		if m.id == id {
			return &m
		}
	}
	return nil
}

// reg looks up the register at c.
func (m *machine) reg(c *cursor) (offset int, problem string) {
	name := c.word()
	offset, ok := m.register(name)
	if !ok {
		return 0, fmt.Sprintf("there is no general register %q", name)
	}
	return offset, ""
}

// x86Operand reads $N, %reg, N(%reg), (%reg), and N(%base,%index,scale) with or without N and
// scale.
func x86Operand(c *cursor, m *machine, a *Arg) (problem string) {
	switch {
	case c.accept('$'):
		n, ok := c.number()
		if !ok {
			return fmt.Sprintf("%q is not a number", c.rest())
		}
		a.Value = n
		return ""
	case c.accept('%'):
		a.Kind = Reg
		a.Reg, problem = m.reg(c)
		return problem
	}
	a.Kind = RegDeref
	a.Value, _ = c.number()
	if !c.accept('(') {
		return fmt.Sprintf("%q is a symbol or has no known form", c.rest())
	}
	if !c.accept('%') {
		return fmt.Sprintf("%q has no base register", c.rest())
	}
	if a.Reg, problem = m.reg(c); problem != "" {
		return problem
	}
	if c.accept(',') {
		a.Kind = SIB
		if !c.accept('%') {
			return fmt.Sprintf("%q has no index register", c.rest())
		}
		if a.Index, problem = m.reg(c); problem != "" {
			return problem
		}
		if c.accept(',') {
			n, ok := c.number()
			switch {
			case ok && n == 1:
			case ok && n == 2:
				a.Scale = 1
			case ok && n == 4:
				a.Scale = 2
			case ok && n == 8:
				a.Scale = 3
			default:
				return fmt.Sprintf("a scale of %d", n)
			}
		}
	}
	if !c.accept(')') {
		return fmt.Sprintf("%q instead of )", c.rest())
	}
	return ""
}

// bracketOperand reads [reg,N], [reg], N and reg, N with or without #.
func bracketOperand(c *cursor, m *machine, a *Arg) (problem string) {
	if !c.accept('[') {
		return plainOperand(c, m, a)
	}
	a.Kind = RegDeref
	if a.Reg, problem = m.reg(c); problem != "" {
		return problem
	}
	if c.accept(',') {
		c.accept('#')
		n, ok := c.number()
		if !ok {
			return fmt.Sprintf("%q is not a number", c.rest())
		}
		a.Value = n
	}
	if !c.accept(']') {
		return fmt.Sprintf("%q instead of ]", c.rest())
	}
	return ""
}

// plainOperand reads N and reg, N with or without #.
func plainOperand(c *cursor, m *machine, a *Arg) (problem string) {
	hash := c.accept('#')
	if n, ok := c.number(); ok {
		a.Value = n
		return ""
	}
	if hash {
		return fmt.Sprintf("%q is not a number", c.rest())
	}
	c.accept('%')
	a.Kind = Reg
	a.Reg, problem = m.reg(c)
	return problem
}

// parenOperand reads N(reg), (reg), N and reg, reg with or without %.
func parenOperand(c *cursor, m *machine, a *Arg) (problem string) {
	n, ok := c.number()
	if !c.accept('(') {
		if ok {
			a.Value = n
			return ""
		}
		return plainOperand(c, m, a)
	}
	a.Kind, a.Value = RegDeref, n
	c.accept('%')
	if a.Reg, problem = m.reg(c); problem != "" {
		return problem
	}
	if !c.accept(')') {
		return fmt.Sprintf("%q instead of )", c.rest())
	}
	return ""
}

// x86Registers has the names of a register by size, and its offset in struct pt_regs.
var x86Registers = [...]struct {
	names  string
	offset int
}{
	{"r15 r15d r15w r15b", 0}, {"r14 r14d r14w r14b", 8}, {"r13 r13d r13w r13b", 16},
	{"r12 r12d r12w r12b", 24},
	{"rbp ebp bp bpl", 32}, {"rbx ebx bx bl", 40},
	{"r11 r11d r11w r11b", 48}, {"r10 r10d r10w r10b", 56}, {"r9 r9d r9w r9b", 64},
	{"r8 r8d r8w r8b", 72},
	{"rax eax ax al", 80}, {"rcx ecx cx cl", 88}, {"rdx edx dx dl", 96}, {"rsi esi si sil", 104},
	{"rdi edi di dil", 112},
	{"rip eip", 128}, {"rsp esp sp spl", 152},
}

func x86Register(name string) (int, bool) {
	for i := range x86Registers {
		for list := x86Registers[i].names; list != ""; {
			var one string
			one, list, _ = strings.Cut(list, " ")
			if one == name {
				return x86Registers[i].offset, true
			}
		}
	}
	return 0, false
}

// numbered reads the number of a register after its letter.
func numbered(name string, letter byte, last int) (int, bool) {
	if len(name) < 2 || len(name) > 3 || name[0] != letter || name[1] == '0' && len(name) > 2 {
		return 0, false
	}
	n, err := strconv.ParseUint(name[1:], 10, 8)
	return int(n), err == nil && int(n) <= last
}

// arm64Register returns offsets in struct user_pt_regs: regs[31], sp, pc.
func arm64Register(name string) (int, bool) {
	if name == "sp" {
		return 31 * 8, true
	}
	n, ok := numbered(name, 'x', 30)
	if !ok {
		n, ok = numbered(name, 'w', 30) // the lower half, as the size says too
	}
	return n * 8, ok
}

// armRegister returns offsets in struct pt_regs: uregs[18].
func armRegister(name string) (int, bool) {
	for i, special := range [...]string{"fp", "ip", "sp", "lr", "pc"} {
		if name == special {
			return (11 + i) * 4, true
		}
	}
	n, ok := numbered(name, 'r', 15)
	return n * 4, ok
}

// riscvRegisters are in the order of struct user_regs_struct, 8 bytes each.
const riscvRegisters = "pc ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 " +
	"s8 s9 s10 s11 t3 t4 t5 t6"

func riscvRegister(name string) (int, bool) {
	if name == "fp" {
		name = "s0"
	}
	for i, list := 0, riscvRegisters; list != ""; i++ {
		var one string
		one, list, _ = strings.Cut(list, " ")
		if one == name {
			return i * 8, true
		}
	}
	return 0, false
}

// s390Register returns offsets in user_pt_regs: args[1], psw of 16 bytes, gprs[16].
func s390Register(name string) (int, bool) {
	n, ok := numbered(name, 'r', 15)
	return 24 + n*8, ok
}
