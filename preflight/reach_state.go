package preflight

import (
	"slices"

	"github.com/purebpf/bpf/asm"
)

// value is what is known about a register or stack slot.
type value struct {
	n    uint64 // of a constant; offset of a pointer
	m    int32  // of a pointer into a map's value: which of reach.pointed
	sort valueSort
}

type valueSort uint8

const (
	unknown  valueSort = iota
	constant           // n
	nonzero            // a pointer or number that is not 0
	mapValue           // pointer to offset n of the value of m
	stack              // pointer to offset n (negative) of this function's stack
	anyStack           // pointer somewhere into a stack
)

func number(n uint64) value { return value{sort: constant, n: n} }

func (v value) isStack() bool { return v.sort == stack || v.sort == anyStack }

// zero reports whether v is 0; known is false if it may or may not be.
func (v value) zero() (is, known bool) {
	switch v.sort {
	// the verifier follows both sides of a comparison with a pointer to the stack
	case unknown, stack, anyStack:
		return false, false
	case constant:
		return v.n == 0, true
	}
	return false, true
}

// join returns what is known if either value is possible.
func join(a, b value) value {
	if a == b {
		return a
	}
	if a.isStack() || b.isStack() {
		return value{sort: anyStack} // keep in mind that it may point into the stack
	}
	az, ak := a.zero()
	bz, bk := b.zero()
	if ak && bk && !az && !bz {
		return value{sort: nonzero}
	}
	return value{}
}

// slot is a value stored on the stack: a constant of any size, or a pointer.
type slot struct {
	v    value
	size int64
}

// state is what is known before an instruction.
type state struct {
	regs [11]value
	// slots by offset from R10, disjoint; bytes without a slot are unknown. The map is shared: it
	// is copied before a change.
	slots map[int64]slot
	owned bool // slots may be changed
	// leaked: a pointer into the stack was stored out of sight, so any unknown pointer may be one.
	leaked bool
	room   *int // bytes that copies of slots may still take, nil for any number
}

func (s *state) own() {
	if s.owned {
		return
	}
	if s.room != nil {
		*s.room -= slotSize * (len(s.slots) + 1)
	}
	slots := make(map[int64]slot, len(s.slots)+1)
	for k, v := range s.slots {
		slots[k] = v
	}
	s.slots, s.owned = slots, true
}

// forget drops everything known about the stack.
func (s *state) forget() {
	for _, at := range s.slots {
		s.leaked = s.leaked || at.v.isStack()
	}
	s.slots, s.owned = nil, false
}

// store notes a store of size bytes through a stack pointer.
func (s *state) store(at value, off int64, size int64, v value) {
	switch at.sort {
	case anyStack:
		s.forget()
	case unknown:
		if s.leaked {
			s.forget()
		}
	case stack:
		from := int64(at.n) + off
		s.own()
		for k := from - 7; k < from+size; k++ {
			if old, ok := s.slots[k]; ok && k+old.size > from {
				s.leaked = s.leaked || old.v.isStack() && size < 8
				delete(s.slots, k)
			}
		}
		if (v.sort == constant || v.sort != unknown && size == 8) && len(s.slots) < 64 {
			s.slots[from] = slot{v, size}
			return
		}
	}
	s.leaked = s.leaked || v.isStack()
}

// holding returns the slot that contains all size bytes at off, and its offset.
func (s *state) holding(off, size int64) (slot, int64) {
	for k := off; k > off-8; k-- {
		if held, ok := s.slots[k]; ok {
			if k+held.size >= off+size {
				return held, k
			}
			break
		}
	}
	return slot{}, 0
}

// merge joins o into s and reports whether that changed s.
func (s *state) merge(o *state) bool {
	changed := false
	for i := range s.regs {
		if v := join(s.regs[i], o.regs[i]); v != s.regs[i] {
			s.regs[i], changed = v, true
		}
	}
	if o.leaked && !s.leaked {
		s.leaked, changed = true, true
	}
	for k, mine := range s.slots {
		theirs := o.slots[k]
		if theirs.size != mine.size {
			theirs = slot{}
		}
		v := join(mine.v, theirs.v)
		if v == mine.v {
			continue
		}
		s.own()
		if v.sort == unknown || v.sort == nonzero && mine.size < 8 {
			delete(s.slots, k)
		} else {
			s.slots[k] = slot{v, mine.size}
		}
		changed = true
	}
	return changed
}

// entryState returns the state on entry to a function that the kernel calls: a context or argument
// in R1, and the stack.
func entryState() *state {
	s := new(state)
	s.regs[10] = value{sort: stack}
	return s
}

func (s *state) reg(r asm.Register) value {
	if int(r) >= len(s.regs) {
		return value{}
	}
	return s.regs[r]
}

func (s *state) set(r asm.Register, v value) {
	if r < 10 {
		s.regs[r] = v
	}
}

// clobber forgets the registers that a call does not keep.
func clobber(s *state) {
	for i := 1; i <= 5; i++ {
		s.regs[i] = value{}
	}
}

// keepPointer returns a value of which only the sort of pointer is known: a load-acquire overwrites
// its destination.
func keepPointer(v value) value {
	if v.isStack() {
		return value{sort: anyStack}
	}
	return value{}
}

// readers are helpers that only read what their stack pointers point to: lookup, update and delete
// of a map, output of data. callers are helpers that call back with a pointer that they were given.
var (
	readers = [...]int32{1, 2, 3, 6, 25, 87, 111, 130}
	callers = [...]int32{164, 170, 180, 181, 209}
)

// helperWrites forgets the parts of the stack that a helper or kfunc may overwrite. Helpers take a
// buffer and its size as adjacent arguments.
func (s *state) helperWrites(insn asm.Instruction) {
	helper := insn.IsHelperCall()
	if helper && slices.Contains(readers[:], insn.Imm) && !s.leaked {
		return
	}
	simple := helper && !slices.Contains(callers[:], insn.Imm) && !s.leaked
	for a := 1; a <= 5; a++ {
		at := s.regs[a]
		if !at.isStack() {
			continue
		}
		if size := s.regs[min(a+1, 5)]; simple && a < 5 && at.sort == stack &&
			size.sort == constant && size.n >= 1 && size.n <= 512 {
			for off := int64(0); off < int64(size.n); off++ {
				s.store(at, off, 1, value{})
			}
			continue
		}
		s.forget()
		return
	}
	if s.leaked {
		s.forget()
	}
}

// refine notes what a comparison with a constant says about a register on the side that was taken.
func refine(s *state, insn asm.Instruction, taken bool) {
	if insn.Op.Class() != asm.ClassJMP || insn.Op.Source() != asm.K {
		return
	}
	equal := insn.Op.JumpOp() == asm.JEQ && taken || insn.Op.JumpOp() == asm.JNE && !taken
	differ := insn.Op.JumpOp() == asm.JEQ && !taken || insn.Op.JumpOp() == asm.JNE && taken
	switch v := s.reg(insn.Dst()); {
	case v.sort != unknown:
	case equal:
		s.set(insn.Dst(), number(uint64(int64(insn.Imm))))
	case differ && insn.Imm == 0:
		s.set(insn.Dst(), value{sort: nonzero})
	}
}
