// Package insn determines where instructions start in machine code.
//
// Bytes in an executable section need not be instructions: functions written in assembly embed
// tables, and code that is reached only through a table of addresses may follow them. A linear
// sweep loses its place there. So a Layout contains only what control flow reaches from the start
// of a function. It assumes that the function starts with an instruction, that an instruction which
// neither jumps, returns nor traps is followed by an instruction, and that a call returns, unless
// its target is inside its own function: position-independent code obtains the address of the code
// after the call that way. It does not follow indirect jumps. An instruction that the decoder does
// not know ends a path.
package insn

// Set is an instruction set.
type Set uint8

// The instruction sets. For others only the alignment of instructions is known, or nothing.
const (
	Unknown Set = iota
	X86         // 32-bit x86
	X86_64
	RISCV64
	S390X
	PPC64   // big-endian, with prefixed instructions
	PPC64LE // the same in little-endian order
	ARM64
	LoongArch
)

// Align returns the number of bytes to which instructions are aligned.
func (s Set) Align() uint64 {
	switch s {
	case RISCV64, S390X:
		return 2
	case PPC64, PPC64LE, ARM64, LoongArch:
		return 4
	}
	return 1
}

// longest is the number of bytes of the longest instruction of any set.
const longest = 15

// flow says which instruction follows.
type flow uint8

const (
	next   flow = iota // the next in memory
	branch             // the target or the next
	jump               // the target
	call               // the target, then the next
	stop               // unknown, or none
)

// instruction is a decoded instruction.
type instruction struct {
	size   int
	flow   flow
	target int64 // of branch, jump and call, relative to the instruction's start
}

// decoder returns the decoder of the set, nil if there is none. A decoder returns false for
// instructions that it does not know and for those cut off at the end of the code.
func (s Set) decoder() func(code []byte) (instruction, bool) {
	switch s {
	case X86:
		return func(code []byte) (instruction, bool) { return decodeX86(code, false) }
	case X86_64:
		return func(code []byte) (instruction, bool) { return decodeX86(code, true) }
	case RISCV64:
		return decodeRISCV64
	case S390X:
		return decodeS390X
	case PPC64:
		return func(code []byte) (instruction, bool) { return decodePPC64(code, true) }
	case PPC64LE:
		return func(code []byte) (instruction, bool) { return decodePPC64(code, false) }
	}
	return nil
}

// Decodes reports whether there is a decoder for the set. Without one, Find finds nothing.
func (s Set) Decodes() bool { return s.decoder() != nil }

// Layout describes where instructions start in the code of a function.
type Layout struct {
	sizes []uint8 // of the instruction that starts at each byte, or 0
}

// Find follows the control flow through the code of a function from its start.
func Find(set Set, code []byte) *Layout {
	l := &Layout{make([]uint8, len(code))}
	decode := set.decoder()
	if decode == nil {
		return l
	}
	left := []int{0}
	for len(left) > 0 {
		at := left[len(left)-1]
		left = left[:len(left)-1]
		for at >= 0 && at < len(code) && l.sizes[at] == 0 {
			i, ok := decode(code[at:min(at+longest, len(code))])
			if !ok {
				break
			}
			l.sizes[at] = uint8(i.size)
			target := -1
			if i.flow != next && i.flow != stop {
				if to := int64(at) + i.target; to >= 0 && to < int64(len(code)) {
					target = int(to)
					left = append(left, target)
				}
			}
			if i.flow == stop || i.flow == jump || i.flow == call && target > 0 {
				break
			}
			at += i.size
		}
	}
	return l
}

// Inside reports whether offset at of the code is certainly inside an instruction, and returns the
// starts of that one and the next. It returns false where an instruction starts, and in data, in
// code that was not reached, and where instructions overlap.
func (l *Layout) Inside(at int) (before, after int, ok bool) {
	if at <= 0 || at >= len(l.sizes) || l.sizes[at] != 0 {
		return 0, 0, false
	}
	before = at - 1
	for before > at-longest && before > 0 && l.sizes[before] == 0 {
		before--
	}
	after = before + int(l.sizes[before])
	if after <= at {
		return 0, 0, false
	}
	for i := at + 1; i < min(after, len(l.sizes)); i++ {
		if l.sizes[i] != 0 {
			return 0, 0, false
		}
	}
	for i := max(before-longest, 0); i < before; i++ {
		if i+int(l.sizes[i]) > before {
			return 0, 0, false
		}
	}
	return before, after, true
}
