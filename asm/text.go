package asm

import "strconv"

// The text is what llvm-objdump 19 prints with -d and no other options, for every encoding that it
// decodes, including those with reserved bits set. It prints more than that version in these cases,
// with the text that later LLVM versions (and the kernel's log) use:
//
//   - gotox, load_acquire and store_release, which version 19 does not know (it prints the last
//     two as atomic additions);
//   - 32-bit atomic and, or, xor, exchange, compare-and-exchange and all that fetch, which version
//     19 prints only with -mcpu=v3 (without it, it prints a fetching addition as a plain one).
//
// Encodings without a text are printed as <unknown>.

// unknown is the text of an encoding that is not an instruction.
const unknown = "<unknown>"

var aluText = [16]string{"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "", "%=", "^=", "=",
	"s>>=", "", "", ""}

var jumpText = [16]string{"", "==", ">", ">=", "&", "!=", "s>", "s>=", "", "", "<", "<=", "s<",
	"s<=", "", ""}

// Type names by size: W, H, B, DW.
var (
	unsignedText = [4]string{"u32", "u16", "u8", "u64"}
	signedText   = [4]string{"s32", "s16", "s8", ""}
)

// String returns the text of i, without the label of a jump's target. The first slot of ld_imm64 is
// printed as if the immediate of the second were 0; AppendText prints both.
func (i Instruction) String() string {
	text, _ := AppendText(make([]byte, 0, 48), []Instruction{i, {}})
	return string(text)
}

// AppendText appends the text of the first instruction of insns, without the label of a jump's
// target, and returns the number of slots it takes: 2 for ld_imm64, 0 if insns is empty, else 1. An
// ld_imm64 without its second slot is <unknown> and takes 1.
func AppendText(dst []byte, insns []Instruction) (text []byte, slots int) {
	if len(insns) == 0 {
		return dst, 0
	}
	i := insns[0]
	if i.Op == OpLdImm64 {
		if len(insns) > 1 {
			if text, ok := appendLdImm64(dst, i, insns[1].Imm); ok {
				return text, 2
			}
		}
		return append(dst, unknown...), 1
	}
	text, ok := appendText(dst, i)
	if !ok {
		text = append(dst, unknown...)
	}
	return text, 1
}

// appendLdImm64 appends the text of ld_imm64. If ok is false, i is not valid and the caller
// discards text.
func appendLdImm64(dst []byte, i Instruction, high int32) (text []byte, ok bool) {
	if i.Off != 0 || i.Dst() > R11 {
		return dst, false
	}
	if i.Src() != 0 {
		dst = append(dst, "ld_pseudo\t"...)
		dst = appendReg(dst, 'r', i.Dst())
		dst = append(dst, ", "...)
		dst = appendHex(dst, int64(i.Src()))
		dst = append(dst, ", "...)
		return appendHex(dst, int64(uint32(i.Imm))), true
	}
	dst = appendReg(dst, 'r', i.Dst())
	dst = append(dst, " = "...)
	dst = appendHex(dst, int64(i.Imm64(Instruction{Imm: high})))
	return append(dst, " ll"...), true
}

// appendText appends the text of any other instruction. If ok is false, i is not valid and the
// caller discards text.
func appendText(dst []byte, i Instruction) (text []byte, ok bool) {
	switch i.Op.Class() {
	case ClassALU, ClassALU64:
		return appendALU(dst, i)
	case ClassJMP, ClassJMP32:
		return appendJump(dst, i)
	case ClassLD:
		return appendPacketLoad(dst, i)
	}
	switch {
	case i.Op.Mode() == ModeAtomic && i.Op.Class() == ClassSTX:
		return appendAtomic(dst, i)
	case i.Op.Mode() == ModeMEM && i.Op.Class() == ClassLDX:
		return appendLoad(dst, i, unsignedText[i.Op.Size()>>3])
	case i.Op.Mode() == ModeMEMSX && i.Op.Class() == ClassLDX && i.Op.Size() != DW:
		return appendLoad(dst, i, signedText[i.Op.Size()>>3])
	case i.Op.Mode() != ModeMEM || i.Dst() > R11:
		return dst, false
	case i.Op.Class() == ClassST:
		dst = appendDeref(dst, unsignedText[i.Op.Size()>>3], i.Dst(), i.Off)
		dst = append(dst, " = "...)
		return appendHex(dst, int64(i.Imm)), true
	}
	if i.Src() > R11 {
		return dst, false
	}
	dst = appendDeref(dst, unsignedText[i.Op.Size()>>3], i.Dst(), i.Off)
	dst = append(dst, " = "...)
	return appendReg(dst, 'r', i.Src()), true
}

func appendALU(dst []byte, i Instruction) (text []byte, ok bool) {
	name := byte('r')
	if i.Op.Class() == ClassALU {
		name = 'w'
	}
	reg := i.Op.Source() == X
	op := i.Op.ALUOp()
	if i.Dst() > R11 || reg && op != End && i.Src() > R11 {
		return dst, false
	}
	sign, prefix := "", ""
	switch {
	case op == Neg:
		if reg {
			return dst, false
		}
		dst = appendReg(dst, name, i.Dst())
		dst = append(dst, " = -"...)
		return appendReg(dst, name, i.Dst()), true
	case op == End:
		return appendSwap(dst, i)
	case i.Off == 0:
	case (op == Div || op == Mod) && i.Off == 1:
		sign = "s"
	case op == Mov && reg && i.Off == 8:
		prefix = "(s8)"
	case op == Mov && reg && i.Off == 16:
		prefix = "(s16)"
	case op == Mov && reg && i.Off == 32 && name == 'r':
		prefix = "(s32)"
	case op == Mov && reg && i.Off == AddrSpaceCast && name == 'r':
		dst = appendReg(dst, 'r', i.Dst())
		dst = append(dst, " = addr_space_cast("...)
		dst = appendReg(dst, 'r', i.Src())
		dst = append(dst, ", "...)
		dst = appendHex(dst, int64(uint32(i.Imm)>>16))
		dst = append(dst, ", "...)
		dst = appendHex(dst, int64(uint16(i.Imm)))
		return append(dst, ')'), true
	default:
		return dst, false
	}
	if aluText[op>>4] == "" {
		return dst, false
	}
	dst = appendReg(dst, name, i.Dst())
	dst = append(dst, ' ')
	dst = append(dst, sign...)
	dst = append(dst, aluText[op>>4]...)
	dst = append(dst, ' ')
	if !reg {
		return appendHex(dst, int64(i.Imm)), true
	}
	dst = append(dst, prefix...)
	return appendReg(dst, name, i.Src()), true
}

// appendSwap prints the byte order operations.
func appendSwap(dst []byte, i Instruction) (text []byte, ok bool) {
	name := "le"
	switch {
	case i.Op.Class() == ClassALU64 && i.Op.Source() == X:
		return dst, false
	case i.Op.Class() == ClassALU64:
		name = "bswap"
	case i.Op.Source() == X:
		name = "be"
	}
	if i.Imm != 16 && i.Imm != 32 && i.Imm != 64 {
		return dst, false
	}
	dst = appendReg(dst, 'r', i.Dst())
	dst = append(dst, " = "...)
	dst = append(dst, name...)
	dst = strconv.AppendInt(dst, int64(i.Imm), 10)
	dst = append(dst, ' ')
	return appendReg(dst, 'r', i.Dst()), true
}

func appendJump(dst []byte, i Instruction) (text []byte, ok bool) {
	switch i.Op {
	case OpGoto:
		return appendDistance(append(dst, "goto "...), int64(i.Off)), true
	case OpGotol:
		return appendDistance(append(dst, "gotol "...), int64(i.Imm)), true
	case OpMayGoto:
		return appendDistance(append(dst, "may_goto "...), int64(i.Off)), true
	case OpGotox:
		return appendReg(append(dst, "gotox "...), 'r', i.Dst()), i.Dst() <= R11
	case OpCall:
		return appendHex(append(dst, "call "...), int64(i.Imm)), true
	case OpCallx:
		return appendReg(append(dst, "callx "...), 'r', i.Dst()), i.Dst() <= R11
	case OpExit:
		return append(dst, "exit"...), i.Imm == 0
	}
	name := byte('r')
	if i.Op.Class() == ClassJMP32 {
		name = 'w'
	}
	reg := i.Op.Source() == X
	op := jumpText[i.Op.JumpOp()>>4]
	if op == "" || i.Dst() > R11 || reg && i.Src() > R11 {
		return dst, false
	}
	dst = append(dst, "if "...)
	dst = appendReg(dst, name, i.Dst())
	dst = append(dst, ' ')
	dst = append(dst, op...)
	dst = append(dst, ' ')
	if reg {
		dst = appendReg(dst, name, i.Src())
	} else {
		dst = appendHex(dst, int64(i.Imm))
	}
	dst = append(dst, " goto "...)
	return appendDistance(dst, int64(i.Off)), true
}

func appendPacketLoad(dst []byte, i Instruction) (text []byte, ok bool) {
	abs := i.Op.Mode() == ModeABS
	if !abs && (i.Op.Mode() != ModeIND || i.Src() > R11) || i.Op.Size() == DW {
		return dst, false
	}
	dst = append(dst, "r0 = *("...)
	dst = append(dst, unsignedText[i.Op.Size()>>3]...)
	dst = append(dst, " *)skb["...)
	if abs {
		dst = appendHex(dst, int64(i.Imm))
	} else {
		dst = appendReg(dst, 'r', i.Src())
	}
	return append(dst, ']'), true
}

func appendLoad(dst []byte, i Instruction, typ string) (text []byte, ok bool) {
	if i.Dst() > R11 || i.Src() > R11 {
		return dst, false
	}
	dst = appendReg(dst, 'r', i.Dst())
	dst = append(dst, " = "...)
	return appendDeref(dst, typ, i.Src(), i.Off), true
}

// appendDeref prints *(typ *)(reg + off).
func appendDeref(dst []byte, typ string, reg Register, off int16) []byte {
	dst = append(dst, "*("...)
	dst = append(dst, typ...)
	dst = append(dst, " *)("...)
	dst = appendAddress(dst, reg, off)
	return append(dst, ')')
}

// appendAddress prints reg + off.
func appendAddress(dst []byte, reg Register, off int16) []byte {
	dst = appendReg(dst, 'r', reg)
	if off < 0 {
		dst = append(dst, " - "...)
		return appendHex(dst, -int64(off))
	}
	dst = append(dst, " + "...)
	return appendHex(dst, int64(off))
}

// appendReg prints a register as a 64-bit (name 'r') or 32-bit (name 'w') one.
func appendReg(dst []byte, name byte, r Register) []byte {
	dst = append(dst, name)
	if r >= 10 {
		dst = append(dst, '1')
		r -= 10
	}
	return append(dst, '0'+byte(r))
}

// appendHex prints a number as 0x12 or -0x12.
func appendHex(dst []byte, v int64) []byte {
	u := uint64(v)
	if v < 0 {
		dst = append(dst, '-')
		u = -u
	}
	dst = append(dst, "0x"...)
	return strconv.AppendUint(dst, u, 16)
}

// appendDistance prints a number as +0x12 or -0x12.
func appendDistance(dst []byte, v int64) []byte {
	if v >= 0 {
		dst = append(dst, '+')
	}
	return appendHex(dst, v)
}
