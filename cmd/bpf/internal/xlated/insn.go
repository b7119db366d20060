// Package xlated prints the code of loaded programs: instructions as the kernel prints them, with
// the names of what they use, the lines of source that they come from, and their control flow.
package xlated

import (
	"fmt"
	"strconv"

	"github.com/purebpf/bpf/asm"
)

// Names resolves what instructions refer to.
type Names interface {
	// Call returns the target of a call: a helper's name, or how far a function is and its name.
	Call(i asm.Instruction) string
}

var (
	aluSigns = [...]string{"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=",
		"=", "s>>=", "endian", "", ""}
	jumpSigns = [...]string{"jmp", "==", ">", ">=", "&", "!=", "s>", "s>=", "call", "exit", "<",
		"<=", "s<", "s<=", "", ""}
	sizes       = [...]string{"u32", "u16", "u8", "u64"}
	signedSizes = [...]string{"s32", "s16", "s8", "s64"}
	fetches     = [...]string{asm.AtomicAdd: "add", asm.AtomicOr: "or", asm.AtomicAnd: "and",
		asm.AtomicXor: "xor"}
)

// perCPUAddress is the offset of a move that adds where this CPU's copies of variables are.
const perCPUAddress = -1

// Append appends the text of the first of insns, as the kernel's log and bpftool print it:
// "(b7) r0 = 0".
func Append(b []byte, insns []asm.Instruction, names Names) []byte {
	i := insns[0]
	b = fmt.Appendf(b, "(%02x) ", byte(i.Op))
	switch i.Op.Class() {
	case asm.ClassALU, asm.ClassALU64:
		return appendALU(b, i)
	case asm.ClassJMP, asm.ClassJMP32:
		return appendJump(b, i, names)
	case asm.ClassLD:
		return appendLoad(b, insns)
	}
	return appendMemory(b, i)
}

// register returns the letter of registers of an instruction: w if it uses their lower halves.
func register(i asm.Instruction) byte {
	if c := i.Op.Class(); c == asm.ClassALU || c == asm.ClassJMP32 {
		return 'w'
	}
	return 'r'
}

func appendALU(b []byte, i asm.Instruction) []byte {
	r, op, dst, src := register(i), i.Op.ALUOp(), i.Dst(), i.Src()
	wide := i.Op.Class() == asm.ClassALU64
	byRegister := i.Op.Source() == asm.X
	switch {
	case op == asm.End:
		name := "le"
		if wide {
			name = "bswap"
		} else if byRegister {
			name = "be"
		}
		return fmt.Appendf(b, "r%d = %s%d r%d", dst, name, i.Imm, dst)
	case op == asm.Neg:
		return fmt.Appendf(b, "%c%d = -%c%d", r, dst, r, dst)
	case wide && byRegister && op == asm.Mov && i.Off == asm.AddrSpaceCast:
		return fmt.Appendf(b, "r%d = addr_space_cast(r%d, %d, %d)", dst, src,
			uint32(i.Imm)>>16, uint16(i.Imm))
	case wide && byRegister && op == asm.Mov && i.Off == perCPUAddress:
		return fmt.Appendf(b, "r%d = &(void __percpu *)(r%d)", dst, src)
	}
	sign := aluSigns[op>>4]
	if i.Off == 1 && (op == asm.Div || op == asm.Mod) {
		sign = "s" + sign
	}
	if !byRegister {
		return fmt.Appendf(b, "%c%d %s %d", r, dst, sign, i.Imm)
	}
	cast := ""
	if op == asm.Mov && (i.Off == 8 || i.Off == 16 || i.Off == 32) {
		cast = "(s" + strconv.Itoa(int(i.Off)) + ")"
	}
	return fmt.Appendf(b, "%c%d %s %s%c%d", r, dst, sign, cast, r, src)
}

func appendJump(b []byte, i asm.Instruction, names Names) []byte {
	r := register(i)
	switch op := i.Op.JumpOp(); {
	case op == asm.Call && i.IsPseudoCall():
		return fmt.Appendf(b, "call pc%s", names.Call(i))
	case op == asm.Call:
		return fmt.Appendf(b, "call %s#%d", names.Call(i), i.Imm)
	case op == asm.JA && r == 'r':
		return fmt.Appendf(b, "goto pc%+d", i.Off)
	case op == asm.JA:
		return fmt.Appendf(b, "gotol pc%+d", i.Imm)
	case op == asm.Exit:
		return append(b, "exit"...)
	case i.Op == opMayGoto:
		return fmt.Appendf(b, "may_goto pc%+d", i.Off)
	case i.Op.Source() == asm.X:
		return fmt.Appendf(b, "if %c%d %s %c%d goto pc%+d", r, i.Dst(), jumpSigns[op>>4], r,
			i.Src(), i.Off)
	default:
		return fmt.Appendf(b, "if %c%d %s 0x%x goto pc%+d", r, i.Dst(), jumpSigns[op>>4],
			uint32(i.Imm), i.Off)
	}
}

const opMayGoto asm.Opcode = 0xe5

func appendLoad(b []byte, insns []asm.Instruction) []byte {
	i := insns[0]
	size := sizes[i.Op.Size()>>3]
	switch {
	case i.IsLdImm64() && len(insns) > 1:
		return fmt.Appendf(b, "r%d = %s", i.Dst(), constant(i, insns[1]))
	case i.Op.Mode() == asm.ModeABS:
		return fmt.Appendf(b, "r0 = *(%s *)skb[%d]", size, i.Imm)
	case i.Op.Mode() == asm.ModeIND:
		return fmt.Appendf(b, "r0 = *(%s *)skb[r%d + %d]", size, i.Src(), i.Imm)
	}
	return append(b, "unknown"...)
}

// constant returns what a load of 64 bits loads: a map, a function or a number.
func constant(i, next asm.Instruction) string {
	switch i.Src() {
	case asm.PseudoMapFD:
		return fmt.Sprintf("map[id:%d]", uint32(i.Imm))
	case asm.PseudoMapValue:
		return fmt.Sprintf("map[id:%d][0]+%d", uint32(i.Imm), uint32(next.Imm))
	case asm.PseudoMapIdxValue:
		return fmt.Sprintf("map[idx:%d]+%d", uint32(i.Imm), uint32(next.Imm))
	case asm.PseudoFunc:
		return fmt.Sprintf("subprog[%+d]", i.Imm)
	}
	return fmt.Sprintf("0x%x", i.Imm64(next))
}

func appendMemory(b []byte, i asm.Instruction) []byte {
	size, dst, src := sizes[i.Op.Size()>>3], i.Dst(), i.Src()
	mode := i.Op.Mode()
	switch i.Op.Class() {
	case asm.ClassLDX:
		if mode == asm.ModeMEMSX {
			size = signedSizes[i.Op.Size()>>3]
		}
		return fmt.Appendf(b, "r%d = *(%s *)(r%d %+d)", dst, size, src, i.Off)
	case asm.ClassST:
		if mode != asm.ModeMEM {
			return append(b, "nospec"...) // a barrier that the verifier inserts
		}
		return fmt.Appendf(b, "*(%s *)(r%d %+d) = %d", size, dst, i.Off, i.Imm)
	}
	if mode == asm.ModeMEM {
		return fmt.Appendf(b, "*(%s *)(r%d %+d) = r%d", size, dst, i.Off, src)
	}
	if mode != asm.ModeAtomic {
		return append(b, "unknown"...)
	}
	wide := ""
	if i.Op.Size() == asm.DW {
		wide = "64"
	}
	switch op := i.AtomicOp(); op {
	case asm.AtomicXchg:
		return fmt.Appendf(b, "r%d = atomic%s_xchg((%s *)(r%d %+d), r%d)", src, wide, size, dst,
			i.Off, src)
	case asm.AtomicCmpxchg:
		return fmt.Appendf(b, "r0 = atomic%s_cmpxchg((%s *)(r%d %+d), r0, r%d)", wide, size, dst,
			i.Off, src)
	case asm.LoadAcquire:
		return fmt.Appendf(b, "r%d = load_acquire((%s *)(r%d %+d))", dst, size, src, i.Off)
	case asm.StoreRelease:
		return fmt.Appendf(b, "store_release((%s *)(r%d %+d), r%d)", size, dst, i.Off, src)
	default:
		name, n := "", int(op&^asm.AtomicFetch)
		if n >= 0 && n < len(fetches) {
			name = fetches[n]
		}
		switch {
		case name == "":
			return append(b, "unknown"...)
		case op&asm.AtomicFetch == 0:
			return fmt.Appendf(b, "lock *(%s *)(r%d %+d) %s r%d", size, dst, i.Off,
				aluSigns[op>>4], src)
		}
		return fmt.Appendf(b, "r%d = atomic%s_fetch_%s((%s *)(r%d %+d), r%d)", src, wide, name,
			size, dst, i.Off, src)
	}
}
