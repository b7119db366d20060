package preflight

import (
	"encoding/binary"
	"unsafe"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// Which instructions of a linked program can be executed on a kernel?
//
// A program that runs on many kernels checks before it acts: does the field exist, what is the
// configuration, what did the application put into .rodata? The answer to each such check is a
// constant when the program is loaded, and the verifier does not follow the branch that the
// constant rules out. Code there may call helpers and read fields that the kernel lacks. To tell
// "missing" from "missing but guarded", this analysis does the same by conditional constant
// propagation: registers and stack slots are unknown, a constant, or a pointer of a known sort; the
// states of paths that meet are joined; branches on constants are followed on one side only.
// Functions are entered with the join of their callers' arguments and return the join of their
// results.
//
// The verifier is more precise: it follows each path by itself and knows ranges. So code that is
// unreachable here is unreachable there, and code that is reachable here may still be unreachable
// there: errors are on the side of too many warnings.

// reach is the analysis of one program.
type reach struct {
	insns   []asm.Instruction
	starts  []int // of the functions, ascending
	global  []bool
	maps    map[int]int32 // by the ld_imm64 that refers to the map
	pointed []*plan.Map
	order   binary.ByteOrder
	vague   *vagueness
	reached []bool
	heads   map[int]*state // states where paths begin or meet
	work    []int
	returns []value       // by function
	ret     []bool        // by function: whether it returns at all
	callers [][]*callSite // by function
	sites   map[int]*callSite
	room    *int // bytes that states may still take
	steps   int  // paths that may still be followed
}

// The bytes of an analysis's room that states take.
const (
	stateSize = int(unsafe.Sizeof(state{})) + 48 // with its place in the map and the work list
	slotSize  = 2 * (int(unsafe.Sizeof(slot{})) + 8)
)

// An analysis ends after this many paths. In code made by a compiler, the state at a head changes
// only a few times.
const (
	maxSteps  = 1 << 12
	stepsEach = 16 // per instruction
)

// take takes n bytes of the room.
func (r *reach) take(n int) { *r.room -= n }

type callSite struct {
	at    int
	after state
}

// vagueness describes the constants of a plan that stand for facts that are not known.
type vagueness struct {
	image func(m *plan.Map, off, size uint64) bool // whether bytes of a map's image are vague
	load  map[int]bool                             // ld_imm64 instructions of externs
}

// reachable computes which instructions of p can be executed. lazy means that the kernel verifies
// global functions only if they are called (6.8).
//
// The states that it keeps take bytes from room. When none are left, everything counts as
// reachable: no compiler makes code that needs more, and too many warnings do no harm.
func reachable(p *plan.Program, order binary.ByteOrder, lazy bool, vague *vagueness,
	room *int) []bool {
	r := &reach{
		room:    room,
		steps:   maxSteps + stepsEach*len(p.Insns),
		sites:   make(map[int]*callSite),
		insns:   p.Insns,
		maps:    make(map[int]int32),
		order:   order,
		vague:   vague,
		reached: make([]bool, len(p.Insns)),
		heads:   make(map[int]*state),
	}
	index := make(map[*plan.Map]int32)
	for _, f := range p.Fixups {
		if f.Map == nil {
			continue
		}
		i, known := index[f.Map]
		if !known {
			i = int32(len(r.pointed))
			index[f.Map], r.pointed = i, append(r.pointed, f.Map)
		}
		r.maps[f.Insn] = i
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
			return r.all() // the jump's destination is decided at run time
		case insn.IsPseudoCall() || insn.IsPseudoFunc():
			if f := r.function(i + 1 + int(insn.Imm)); f >= 0 {
				referred[f] = true
			}
		}
	}
	// Nothing refers to an exception callback: the kernel calls it.
	for f := range r.starts {
		if f == 0 || !referred[f] || r.global[f] && !lazy {
			r.enter(f, r.entry())
		}
	}
	for len(r.work) > 0 {
		at := r.work[len(r.work)-1]
		r.work = r.work[:len(r.work)-1]
		r.run(at)
		if *r.room < 0 {
			return r.all()
		}
	}
	return r.reached
}

func (r *reach) all() []bool {
	for i := range r.reached {
		r.reached[i] = true
	}
	return r.reached
}

// function returns the index of the function that holds an instruction, -1 if there is none.
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

// entry returns entryState; its slots take from the room.
func (r *reach) entry() *state {
	s := entryState()
	s.room = r.room
	return s
}

func (r *reach) enter(f int, s *state) { r.flow(r.starts[f], s) }

// flow merges a state into an instruction where paths may meet.
func (r *reach) flow(to int, s *state) {
	if to < 0 || to >= len(r.insns) {
		return // the verifier refuses the program for other reasons
	}
	h := r.heads[to]
	if h == nil {
		r.take(stateSize)
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
	if r.steps--; r.steps < 0 {
		*r.room = -1
		return
	}
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
			s.store(s.reg(insn.Dst()), int64(insn.Off), int64(insn.Op.Size().Bytes()),
				number(uint64(int64(insn.Imm))))
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
		if m, ok := r.maps[i]; ok {
			v = value{sort: mapValue, n: uint64(uint32(r.insns[i+1].Imm)), m: m}
		}
	case asm.PseudoFunc:
		if f := r.function(i + 1 + int(insn.Imm)); f >= 0 {
			r.enter(f, r.entry())
		}
	}
	s.set(insn.Dst(), v)
}

// load returns the value that a load from memory gives.
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
		m := r.pointed[at.m]
		if !m.Freeze || m.Flags&uapi.FRdonlyProg == 0 || m.Image == nil || end < off ||
			end > uint64(m.ValueSize) || r.vague.image(m, off, size) {
			return value{}
		}
		var b [8]byte // zero where the image ends before the value
		copy(b[:], m.Image[min(off, uint64(len(m.Image))):])
		n = r.read(b[:], size)
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
	s.set(insn.Src(), value{}) // fetched, in the forms that fetch
	s.set(insn.Dst(), keepPointer(at))
	s.set(0, value{}) // compared, in the form that compares
}

// jump handles calls, exits and branches. It reports whether the path goes on after the
// instruction.
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
	return true
}

// call enters a function. The code after the call is reached once the function returns.
func (r *reach) call(s *state, i int) bool {
	f := r.function(i + 1 + int(r.insns[i].Imm))
	if f < 0 {
		return false
	}
	entry := r.entry()
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
	if c := r.sites[i]; c != nil { // an instruction calls one function
		return c
	}
	r.take(stateSize)
	c := &callSite{at: i}
	r.sites[i] = c
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
