package preflight

import (
	"math/bits"

	"github.com/purebpf/bpf/asm"
)

// alu returns the result of an ALU or ALU64 instruction.
func alu(s *state, insn asm.Instruction) value {
	op, wide := insn.Op.ALUOp(), insn.Op.Class() == asm.ClassALU64
	a := s.reg(insn.Dst())
	b := number(uint64(int64(insn.Imm)))
	if insn.Op.Source() == asm.X && op != asm.End {
		b = s.reg(insn.Src())
	}
	if op == asm.Mov && insn.Off == 0 && wide {
		return b
	}
	if a.isStack() && op != asm.Mov || b.isStack() {
		if wide && (op == asm.Add || op == asm.Sub) && a.sort == stack && b.sort == constant {
			if op == asm.Sub {
				b.n = -b.n
			}
			return value{sort: stack, n: a.n + b.n}
		}
		return value{sort: anyStack}
	}
	if wide && op == asm.Add && a.sort == mapValue && b.sort == constant {
		return value{sort: mapValue, n: a.n + b.n, m: a.m}
	}
	if op == asm.Xor && insn.Op.Source() == asm.X && insn.Dst() == insn.Src() {
		return number(0)
	}
	if op == asm.And && (a == number(0) || b == number(0)) {
		return number(0)
	}
	if b.sort != constant || a.sort != constant && op != asm.Mov {
		return value{}
	}
	n, ok := calculate(insn, op, wide, a.n, b.n)
	if !ok {
		return value{}
	}
	return number(n)
}

// calculate computes the machine's result; ok is false for operations that are not handled.
func calculate(insn asm.Instruction, op asm.ALUOp, wide bool, a, b uint64) (n uint64, ok bool) {
	width := uint64(64)
	if !wide {
		a, b, width = uint64(uint32(a)), uint64(uint32(b)), 32
	}
	switch op {
	case asm.Mov:
		n = b
		switch insn.Off { // movsx
		case 0:
		case 8:
			n = uint64(int64(int8(b)))
		case 16:
			n = uint64(int64(int16(b)))
		case 32:
			n = uint64(int64(int32(b)))
		default:
			return 0, false
		}
	case asm.Add:
		n = a + b
	case asm.Sub:
		n = a - b
	case asm.Mul:
		n = a * b
	case asm.Or:
		n = a | b
	case asm.And:
		n = a & b
	case asm.Xor:
		n = a ^ b
	case asm.Neg:
		n = -a
	case asm.Lsh:
		n = a << (b & (width - 1))
	case asm.Rsh:
		n = a >> (b & (width - 1))
	case asm.Arsh:
		if wide {
			n = uint64(int64(a) >> (b & 63))
		} else {
			n = uint64(int32(a) >> (b & 31))
		}
	case asm.Div, asm.Mod:
		if insn.Off != 0 {
			return 0, false // signed
		}
		switch {
		case op == asm.Div && b != 0:
			n = a / b
		case op == asm.Mod && b != 0:
			n = a % b
		case op == asm.Mod:
			n = a
		}
	case asm.End:
		return byteSwap(insn, a)
	default:
		return 0, false
	}
	if !wide {
		n = uint64(uint32(n))
	}
	return n, true
}

// byteSwap handles only the unconditional form: to_le and to_be depend on the machine.
func byteSwap(insn asm.Instruction, a uint64) (uint64, bool) {
	if insn.Op.Class() != asm.ClassALU64 {
		return 0, false
	}
	switch insn.Imm {
	case 16:
		return uint64(bits.ReverseBytes16(uint16(a))), true
	case 32:
		return uint64(bits.ReverseBytes32(uint32(a))), true
	case 64:
		return bits.ReverseBytes64(a), true
	}
	return 0, false
}

// branch decides a conditional jump; known is false if it may go either way.
func branch(s *state, insn asm.Instruction) (taken, known bool) {
	op := insn.Op.JumpOp()
	if op == asm.JCOND {
		return false, false
	}
	a, b := s.reg(insn.Dst()), number(uint64(int64(insn.Imm)))
	if insn.Op.Source() == asm.X {
		b = s.reg(insn.Src())
	}
	wide := insn.Op.Class() == asm.ClassJMP
	if a.sort != constant || b.sort != constant {
		az, ak := a.zero()
		bz, bk := b.zero()
		if wide && ak && bk && az != bz && (op == asm.JEQ || op == asm.JNE) {
			return op == asm.JNE, true
		}
		return false, false
	}
	x, y := a.n, b.n
	sx, sy := int64(x), int64(y)
	if !wide {
		x, y = uint64(uint32(x)), uint64(uint32(y))
		sx, sy = int64(int32(x)), int64(int32(y))
	}
	switch op {
	case asm.JEQ:
		return x == y, true
	case asm.JNE:
		return x != y, true
	case asm.JGT:
		return x > y, true
	case asm.JGE:
		return x >= y, true
	case asm.JLT:
		return x < y, true
	case asm.JLE:
		return x <= y, true
	case asm.JSGT:
		return sx > sy, true
	case asm.JSGE:
		return sx >= sy, true
	case asm.JSLT:
		return sx < sy, true
	case asm.JSLE:
		return sx <= sy, true
	case asm.JSET:
		return x&y != 0, true
	}
	return false, false
}
