package asm

// The immediate of an atomic operation is read as LLVM reads it: bits 4 to 7 are the operation,
// bits 0 to 3 are 1 if it fetches, and the other bits are ignored. The exceptions are 0x100,
// load-acquire, and 0x110, store-release.
const (
	atomicOpMask    = 0xf0
	atomicFetchMask = 0x0f
)

// atomicText has the operations by bits 4 to 7 of the immediate: the operator of the plain form and
// the word of the fetching form.
var atomicText = [16]struct{ sign, word string }{
	AtomicAdd >> 4: {"+", "add"},
	AtomicOr >> 4:  {"|", "or"},
	AtomicAnd >> 4: {"&", "and"},
	AtomicXor >> 4: {"^", "xor"},
}

// appendAtomic prints an atomic operation.
func appendAtomic(dst []byte, i Instruction) (text []byte, ok bool) {
	if i.Dst() > R11 || i.Src() > R11 {
		return dst, false
	}
	size := i.Op.Size()
	typ := unsignedText[size>>3]
	name := byte('w') // of value registers
	if size == DW {
		name = 'r'
	}
	op := i.AtomicOp()
	switch op {
	case LoadAcquire:
		dst = appendReg(dst, name, i.Dst())
		dst = append(dst, " = load_acquire(("...)
		dst = append(dst, typ...)
		dst = append(dst, " *)("...)
		dst = appendAddress(dst, i.Src(), i.Off)
		return append(dst, "))"...), true
	case StoreRelease:
		dst = append(dst, "store_release(("...)
		dst = append(dst, typ...)
		dst = append(dst, " *)("...)
		dst = appendAddress(dst, i.Dst(), i.Off)
		dst = append(dst, "), "...)
		dst = appendReg(dst, name, i.Src())
		return append(dst, ')'), true
	}
	if size != W && size != DW {
		return dst, false
	}
	fetch := op&atomicFetchMask == AtomicFetch
	row := op & atomicOpMask >> 4
	t := atomicText[row]
	switch {
	case t.sign != "" && !fetch:
		if size == W && row == AtomicAdd>>4 {
			name = 'r'
		}
		dst = append(dst, "lock "...)
		dst = appendDeref(dst, typ, i.Dst(), i.Off)
		dst = append(dst, ' ')
		dst = append(dst, t.sign...)
		dst = append(dst, "= "...)
		return appendReg(dst, name, i.Src()), true
	case t.sign != "":
		dst = appendReg(dst, name, i.Src())
		dst = append(dst, " = atomic_fetch_"...)
		dst = append(dst, t.word...)
		dst = append(dst, "(("...)
		dst = append(dst, typ...)
		dst = append(dst, " *)("...)
		dst = appendAddress(dst, i.Dst(), i.Off)
		dst = append(dst, "), "...)
		dst = appendReg(dst, name, i.Src())
		return append(dst, ')'), true
	case !fetch:
		return dst, false
	case row == AtomicXchg>>4:
		dst = appendReg(dst, name, i.Src())
		dst = append(dst, " = "...)
		dst = append(dst, [...]string{"xchg32_32(", "xchg_64("}[size>>3&1]...)
		dst = appendAddress(dst, i.Dst(), i.Off)
		dst = append(dst, ", "...)
		dst = appendReg(dst, name, i.Src())
		return append(dst, ')'), true
	case row == AtomicCmpxchg>>4:
		dst = appendReg(dst, name, R0)
		dst = append(dst, " = "...)
		dst = append(dst, [...]string{"cmpxchg32_32(", "cmpxchg_64("}[size>>3&1]...)
		dst = appendAddress(dst, i.Dst(), i.Off)
		dst = append(dst, ", "...)
		dst = appendReg(dst, name, R0)
		dst = append(dst, ", "...)
		dst = appendReg(dst, name, i.Src())
		return append(dst, ')'), true
	}
	return dst, false
}
