package records

import (
	"math"
	"math/bits"

	"github.com/purebpf/bpf/asm"
)

// refine returns what is known about a value if its comparison with an immediate is as taken says;
// ok is false if it can't be.
func refine(v value, op asm.JumpOp, imm uint64, taken bool) (value, bool) {
	if v.kind == pointer && imm == 0 && (op == asm.JEQ || op == asm.JNE) {
		if taken == (op == asm.JEQ) {
			return constant(0), true
		}
		return v, true
	}
	if v.kind != scalar {
		return v, true
	}
	if !taken {
		switch op {
		case asm.JEQ:
			op = asm.JNE
		case asm.JNE:
			op = asm.JEQ
		case asm.JGT:
			op = asm.JLE
		case asm.JGE:
			op = asm.JLT
		case asm.JLT:
			op = asm.JGE
		case asm.JLE:
			op = asm.JGT
		default:
			return v, true
		}
	}
	switch op {
	case asm.JEQ:
		v.lo, v.hi = max(v.lo, imm), min(v.hi, imm)
	case asm.JNE:
		if v.lo == imm && v.hi == imm {
			return v, false
		}
		if v.lo == imm {
			v.lo++
		}
		if v.hi == imm {
			v.hi--
		}
	case asm.JGT:
		if imm == math.MaxUint64 {
			return v, false
		}
		v.lo = max(v.lo, imm+1)
	case asm.JGE:
		v.lo = max(v.lo, imm)
	case asm.JLT:
		if imm == 0 {
			return v, false
		}
		v.hi = min(v.hi, imm-1)
	case asm.JLE:
		v.hi = min(v.hi, imm)
	}
	return v, v.lo <= v.hi
}

func width64(n uint32) uint64 {
	if n >= 64 {
		return math.MaxUint64
	}
	return 1<<n - 1
}

// arithmetic returns the range of the result of an operation on numbers.
func arithmetic(op asm.ALUOp, v, w value, wide bool) value {
	size := uint64(64)
	if !wide {
		size = 32
	}
	if v.kind != scalar || w.kind != scalar {
		return number()
	}
	keep := v.flags & masked
	r := number()
	switch c := w.lo; {
	case op == asm.Add:
		r = add(v, w)
	case op == asm.Sub && w.isConst():
		r = add(v, constant(-c))
	case !w.isConst():
		if op == asm.And {
			r = between(0, min(v.hi, w.hi))
		}
	case op == asm.And:
		r = between(0, min(v.hi, c))
	case op == asm.Mul && c != 0:
		if hi, lo := bits.Mul64(v.hi, c); hi == 0 {
			r = between(v.lo*c, lo)
		}
	case op == asm.Div && c != 0:
		r = between(v.lo/c, v.hi/c)
	case op == asm.Mod && c != 0:
		r = between(0, min(v.hi, c-1))
	case op == asm.Lsh && c < size:
		if v.hi <= math.MaxUint64>>c {
			r = between(v.lo<<c, v.hi<<c)
		} else if v.isConst() {
			r = constant(v.lo << c)
		}
	case op == asm.Rsh && c < size:
		r = between(v.lo>>c, v.hi>>c)
	case op == asm.Or && v.isConst():
		r = constant(v.lo | c)
	case op == asm.Xor && v.isConst():
		r = constant(v.lo ^ c)
	}
	r.flags |= keep
	return r
}
