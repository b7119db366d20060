package preflight

import (
	"encoding/binary"
	"slices"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// Which instructions of a linked program can be executed on a kernel?
//
// A program that runs on many kernels asks before it acts: does the field exist, what is the configuration, what did the
// application put into .rodata? Each such question is a constant by the time the program is loaded, and the verifier does not
// follow the branch that the constant rules out. What lies there may call helpers that the kernel lacks and read fields
// that it does not have. To tell "missing" from "missing but guarded", the same is done here by conditional constant
// propagation: registers and stack slots are unknown, a constant, or a pointer of a known sort; states of paths that meet are
// joined; branches on constants are followed on one side only. Functions are gone into with the join of what their callers
// pass, and return the join of what they return.
//
// The verifier is more precise: it follows each path by itself and knows ranges. So what is unreachable here is unreachable there,
// and what is reachable here may still not be: the error is on the side of warning too much.

// value is what is known of a register or stack slot.
type value struct {
	sort valueSort
	n    uint64    // of a constant; offset of a pointer
	m    *plan.Map // of a pointer into a map's value
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

// zero says whether v is 0; known is false if it may or may not be.
func (v value) zero() (is, known bool) {
	switch v.sort {
	case unknown:
		return false, false
	case constant:
		return v.n == 0, true
	}
	return false, true
}

// join is what is known if either may be the case.
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

// slot is what was stored to the stack: constants of any size, and pointers.
type slot struct {
	v    value
	size int64
}

// state is what is known before an instruction.
type state struct {
	regs  [11]value
	slots map[int64]slot // by offset from R10, disjoint; what is absent is unknown. Shared: copied before a change
	owned bool           // slots may be changed
	// leaked: a pointer into the stack lies somewhere out of sight, so any unknown pointer may be one.
	leaked bool
}

func (s *state) own() {
	if s.owned {
		return
	}
	slots := make(map[int64]slot, len(s.slots)+1)
	for k, v := range s.slots {
		slots[k] = v
	}
	s.slots, s.owned = slots, true
}

// forget drops what is known of the stack.
func (s *state) forget() {
	for _, at := range s.slots {
		s.leaked = s.leaked || at.v.isStack()
	}
	s.slots, s.owned = nil, false
}

// store notes a store of size bytes at a stack pointer.
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

// holding is the slot that holds all of size bytes at off, and its offset.
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

// reach is the analysis of one program.
type reach struct {
	insns   []asm.Instruction
	starts  []int // of the functions, ascending
	global  []bool
	maps    map[int]*plan.Map // by the ld_imm64 that refers to them
	order   binary.ByteOrder
	vague   *vagueness
	reached []bool
	heads   map[int]*state // states where paths begin or meet
	work    []int
	returns []value       // by function
	ret     []bool        // by function: it returns at all
	callers [][]*callSite // by function
}

type callSite struct {
	at    int
	after state
}

// vagueness is what a plan holds constants for that are not known of the kernel.
type vagueness struct {
	image func(m *plan.Map, off, size uint64) bool // bytes of a map's image
	load  map[int]bool                             // ld_imm64 of an extern
}

// reachable computes which instructions of p can be executed. lazy says that the kernel verifies global functions only if they are
// called (6.8).
func reachable(p *plan.Program, order binary.ByteOrder, lazy bool, vague *vagueness) []bool {
	r := &reach{
		insns:   p.Insns,
		maps:    make(map[int]*plan.Map),
		order:   order,
		vague:   vague,
		reached: make([]bool, len(p.Insns)),
		heads:   make(map[int]*state),
	}
	for _, f := range p.Fixups {
		if f.Map != nil {
			r.maps[f.Insn] = f.Map
		}
	}
	for _, s := range p.Subprogs {
		r.starts = append(r.starts, s.Start)
		r.global = append(r.global, s.Func.Global && !s.Func.Hidden)
	}
	n := len(r.starts)
	r.returns, r.ret, r.callers = make([]value, n), make([]bool, n), make([][]*callSite, n)
	if n == 0 {
		return r.all()
	}
	referred := make([]bool, n)
	referred[0] = true
	for i, insn := range r.insns {
		switch {
		case insn.Op == asm.OpGotox || insn.Op == asm.OpCallx:
			return r.all() // where these lead is decided at run time
		case insn.IsPseudoCall() || insn.IsPseudoFunc():
			if f := r.function(i + 1 + int(insn.Imm)); f >= 0 {
				referred[f] = true
			}
		}
	}
	// An exception callback is not referred to, and is called by the kernel.
	for f := range r.starts {
		if f == 0 || !referred[f] || r.global[f] && !lazy {
			r.enter(f, entryState())
		}
	}
	for len(r.work) > 0 {
		at := r.work[len(r.work)-1]
		r.work = r.work[:len(r.work)-1]
		r.run(at)
	}
	return r.reached
}

func (r *reach) all() []bool {
	for i := range r.reached {
		r.reached[i] = true
	}
	return r.reached
}

// entryState is what a function called by the kernel may rely on: a context or argument in R1, and its stack.
func entryState() *state {
	s := new(state)
	s.regs[10] = value{sort: stack}
	return s
}

// function is the index of the function that holds an instruction, -1 if there is none.
func (r *reach) function(at int) int {
	if at < 0 || at >= len(r.insns) {
		return -1
	}
	lo, hi := 0, len(r.starts)
	for lo < hi {
		if mid := (lo + hi) / 2; r.starts[mid] <= at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

func (r *reach) enter(f int, s *state) { r.flow(r.starts[f], s) }

// flow lets a state arrive at an instruction where paths may meet.
func (r *reach) flow(to int, s *state) {
	if to < 0 || to >= len(r.insns) {
		return // the verifier refuses the program for other reasons
	}
	h := r.heads[to]
	if h == nil {
		c := *s
		c.owned = false
		s.owned = false
		r.heads[to] = &c
		r.work = append(r.work, to)
		return
	}
	if h.merge(s) {
		r.work = append(r.work, to)
	}
}

// run follows the path from a head until it ends, branches or meets another head.
func (r *reach) run(at int) {
	r.heads[at].owned = false
	s := *r.heads[at]
	for i := at; i < len(r.insns); {
		if i != at && r.heads[i] != nil {
			r.flow(i, &s)
			return
		}
		r.reached[i] = true
		insn := r.insns[i]
		next := i + 1
		switch insn.Op.Class() {
		case asm.ClassLD:
			if insn.IsLdImm64() && next < len(r.insns) {
				r.reached[next] = true
				r.loadImm64(&s, i)
				next++
			} else {
				s.regs[0] = value{} // packet loads
				clobber(&s)
			}
		case asm.ClassLDX:
			s.set(insn.Dst(), r.load(&s, insn))
		case asm.ClassST:
			s.store(s.reg(insn.Dst()), int64(insn.Off), int64(insn.Op.Size().Bytes()), number(uint64(int64(insn.Imm))))
		case asm.ClassSTX:
			r.storeRegister(&s, insn)
		case asm.ClassALU, asm.ClassALU64:
			s.set(insn.Dst(), alu(&s, insn))
		default:
			if !r.jump(&s, i) {
				return
			}
		}
		i = next
	}
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

// clobber forgets what a call does not keep.
func clobber(s *state) {
	for i := 1; i <= 5; i++ {
		s.regs[i] = value{}
	}
}

func (r *reach) loadImm64(s *state, i int) {
	insn := r.insns[i]
	v := value{sort: nonzero}
	switch insn.Src() {
	case 0:
		if r.vague.load[i] {
			v = value{}
			break
		}
		v = number(insn.Imm64(r.insns[i+1]))
	case asm.PseudoMapValue:
		if m := r.maps[i]; m != nil {
			v = value{sort: mapValue, n: uint64(uint32(r.insns[i+1].Imm)), m: m}
		}
	case asm.PseudoFunc:
		if f := r.function(i + 1 + int(insn.Imm)); f >= 0 {
			r.enter(f, entryState())
		}
	}
	s.set(insn.Dst(), v)
}

// load is what a load from memory gives.
func (r *reach) load(s *state, insn asm.Instruction) value {
	size := uint64(insn.Op.Size().Bytes())
	var n uint64
	switch at := s.reg(insn.Src()); at.sort {
	case stack:
		off := int64(at.n) + int64(insn.Off)
		held, from := s.holding(off, int64(size))
		if off == from && int64(size) == held.size && size == 8 {
			return held.v
		}
		if held.v.sort != constant {
			return value{}
		}
		var b [8]byte
		r.write(b[:], uint64(held.size), held.v.n)
		n = r.read(b[off-from:], size)
	case mapValue:
		off := at.n + uint64(int64(insn.Off))
		end := off + size
		m := at.m
		if !m.Freeze || m.Flags&uapi.FRdonlyProg == 0 || end < off || end > uint64(len(m.Image)) || r.vague.image(m, off, size) {
			return value{}
		}
		n = r.read(m.Image[off:], size)
	default:
		return value{}
	}
	if insn.Op.Mode() == asm.ModeMEMSX {
		shift := 64 - 8*size
		n = uint64(int64(n<<shift) >> shift)
	}
	return number(n)
}

func (r *reach) read(b []byte, size uint64) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(r.order.Uint16(b))
	case 4:
		return uint64(r.order.Uint32(b))
	}
	return r.order.Uint64(b)
}

func (r *reach) write(b []byte, size, n uint64) {
	switch size {
	case 1:
		b[0] = byte(n)
	case 2:
		r.order.PutUint16(b, uint16(n))
	case 4:
		r.order.PutUint32(b, uint32(n))
	default:
		r.order.PutUint64(b, n)
	}
}

func (r *reach) storeRegister(s *state, insn asm.Instruction) {
	at, size := s.reg(insn.Dst()), int64(insn.Op.Size().Bytes())
	if !insn.IsAtomic() {
		s.store(at, int64(insn.Off), size, s.reg(insn.Src()))
		return
	}
	s.store(at, int64(insn.Off), size, value{})
	s.set(insn.Src(), value{}) // fetched, in the forms that do
	s.set(insn.Dst(), keepPointer(at))
	s.set(0, value{}) // compared, in the form that does
}

// keepPointer is a value of which only the sort of pointer is still certain: a load-acquire overwrites its destination.
func keepPointer(v value) value {
	if v.isStack() {
		return value{sort: anyStack}
	}
	return value{}
}

// jump handles calls, exits and branches. It returns whether the path goes on behind the instruction.
func (r *reach) jump(s *state, i int) bool {
	insn := r.insns[i]
	switch {
	case insn.IsExit():
		r.exit(i, s.regs[0])
		return false
	case insn.IsPseudoCall():
		return r.call(s, i)
	case insn.Op == asm.OpCall:
		s.helperWrites(insn)
		s.regs[0] = value{}
		clobber(s)
		return true
	}
	distance, ok := insn.JumpDistance()
	if !ok {
		return true
	}
	target := i + 1 + int(distance)
	if insn.Op == asm.OpGoto || insn.Op == asm.OpGotol {
		r.flow(target, s)
		return false
	}
	taken, known := branch(s, insn)
	if !known || taken {
		t := *s
		t.owned, s.owned = false, false
		refine(&t, insn, true)
		r.flow(target, &t)
	}
	if known && taken {
		return false
	}
	refine(s, insn, false)
	r.flow(i+1, s)
	return false
}

// readers are helpers that only read what their pointers into the stack point to: lookup, update and delete of a map, output of data.
// callers call back, with a pointer that they were given.
var (
	readers = [...]int32{1, 2, 3, 6, 25, 87, 111, 130}
	callers = [...]int32{164, 170, 180, 181, 209}
)

// helperWrites forgets what a helper or kfunc may overwrite of the stack. Helpers take a buffer and its size side by side.
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
		if size := s.regs[min(a+1, 5)]; simple && a < 5 && at.sort == stack && size.sort == constant && size.n >= 1 && size.n <= 512 {
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

// refine notes what a comparison with a constant tells on the side that was taken.
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

// call goes into a function. What follows is reached once it returns.
func (r *reach) call(s *state, i int) bool {
	f := r.function(i + 1 + int(r.insns[i].Imm))
	if f < 0 {
		return false
	}
	entry := entryState()
	if s.leaked {
		s.forget()
	}
	for a := 1; a <= 5; a++ {
		v := s.regs[a]
		if v.isStack() {
			s.forget()
			v = value{sort: anyStack}
		}
		if !r.global[f] {
			entry.regs[a] = v
		}
	}
	s.regs[0] = value{}
	clobber(s)
	r.enter(f, entry)
	if r.global[f] {
		return true // verified by itself: it may return anything
	}
	site := r.site(f, i)
	s.owned = false
	site.after = *s
	if r.ret[f] {
		r.resume(site, r.returns[f])
	}
	return false
}

func (r *reach) site(f, i int) *callSite {
	for _, c := range r.callers[f] {
		if c.at == i {
			return c
		}
	}
	c := &callSite{at: i}
	r.callers[f] = append(r.callers[f], c)
	return c
}

func (r *reach) resume(c *callSite, v value) {
	s := c.after
	s.regs[0] = v
	r.flow(c.at+1, &s)
}

func (r *reach) exit(i int, v value) {
	f := r.function(i)
	if f < 0 {
		return
	}
	if v.isStack() {
		v = value{}
	}
	if r.ret[f] {
		v = join(r.returns[f], v)
		if v == r.returns[f] {
			return
		}
	}
	r.returns[f], r.ret[f] = v, true
	for _, c := range r.callers[f] {
		r.resume(c, v)
	}
}
