package records

import (
	"math"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/object"
)

// The analysis runs the programs on what is known about their values (an abstract interpretation):
// all ways through a program at once, basic block by basic block, until nothing new is learnt. It
// stops when it reaches one of these limits, and then claims nothing.
const (
	maxSteps    = 1 << 20 // instructions, over all programs
	maxCells    = 1 << 10 // places that are written to, at one instruction
	maxAllCells = 1 << 15
	maxStates   = 1 << 14 // basic blocks at one time
	maxEntries  = 1 << 20 // cells in all of their states
	maxFree     = 1 << 9
	maxDepth    = 9 // calls in calls, as in the kernel: 8 frames
	maxRounds   = 4
	widenAfter  = 4 // visits of a block
)

// machine is one analysis of an object.
type machine struct {
	o        *object.Object
	funcs    []function
	maps     []*object.Map // by mapRef
	mapOf    map[*object.Map]int32
	regions  []region
	regionOf map[regionKey]int32
	cells    []cell
	cellOf   map[cellKey]int32
	contexts map[callKey]int32
	emits    []emit
	emitOf   map[emitKey]int
	drained  map[int32]bool // records that were submitted or discarded
	lost     bool           // something was submitted of which is not known where it was reserved
	coarse   bool           // numbers in memory are not followed
	program  *object.Program
	steps    int
	asked    int // steps of questions about types
	states   int
	entries  int // cells in states
	free     []*state
	round    int
	changed  bool   // a value in memory changed in this round
	why      string // why the analysis is not complete, "" if it is
}

type callKey struct {
	context int32
	at      site
}

// stop ends the analysis.
func (m *machine) stop(why string) {
	if m.why == "" {
		m.why = why
	}
}

func (m *machine) stopped() bool { return m.why != "" }

// analyse runs all programs that may output records.
func (m *machine) analyse() {
	m.prepare()
	if m.stopped() {
		return
	}
	for m.round = 0; m.round < maxRounds; m.round++ {
		m.changed, m.lost = false, false
		m.emits, m.emitOf = m.emits[:0], make(map[emitKey]int)
		clear(m.drained)
		for i, p := range m.o.Programs {
			if !m.funcs[i].emits {
				continue
			}
			m.program = p
			in := m.newState()
			m.run(int32(i), m.context(0, site{int32(i), -1}), in, 1)
			m.release(in)
			if m.stopped() {
				return
			}
		}
		if !m.changed {
			return
		}
	}
}

// newMachine returns an analysis of an object, which is complete or says why not. Programs that are
// too large to follow all that they store are analysed again, without the numbers in memory.
func newMachine(o *object.Object) *machine {
	for _, coarse := range []bool{false, true} {
		m := &machine{o: o, coarse: coarse, mapOf: map[*object.Map]int32{},
			regionOf: map[regionKey]int32{}, cellOf: map[cellKey]int32{},
			contexts: map[callKey]int32{}, drained: map[int32]bool{}}
		if m.analyse(); !m.stopped() || coarse {
			return m
		}
	}
	return nil
}

// context returns the number of a chain of calls.
func (m *machine) context(parent int32, at site) int32 {
	key := callKey{parent, at}
	c, ok := m.contexts[key]
	if !ok {
		c = int32(len(m.contexts) + 1)
		m.contexts[key] = c
	}
	return c
}

func (m *machine) newState() *state {
	if m.states++; m.states > maxStates {
		m.stop("the programs have too many branches")
	}
	if n := len(m.free); n > 0 {
		s := m.free[n-1]
		m.free = m.free[:n-1]
		s.regs, s.stores, s.others = [11]value{}, s.stores[:0], s.others[:0]
		return s
	}
	return &state{}
}

func (m *machine) release(s *state) {
	m.states--
	m.entries -= s.counted
	s.counted = 0
	if len(m.free) < maxFree {
		m.free = append(m.free, s)
	}
}

// count counts the cells of a state.
func (m *machine) count(s *state) {
	m.entries += s.size() - s.counted
	s.counted = s.size()
	if m.entries > maxEntries {
		m.stop("the programs write to too many places")
	}
}

// region returns the number of a region.
func (m *machine) region(key regionKey, at site) int32 {
	r, ok := m.regionOf[key]
	if !ok {
		r = int32(len(m.regions))
		m.regions = append(m.regions, region{kind: key.kind, m: key.m, site: at})
		m.regionOf[key] = r
	}
	return r
}

func (m *machine) mapValue(om *object.Map) value {
	i, ok := m.mapOf[om]
	if !ok {
		i = int32(len(m.maps))
		m.maps = append(m.maps, om)
		m.mapOf[om] = i
	}
	return value{kind: mapRef, ref: i}
}

// run runs a function from the state in, which it changes, and returns the state at its end, nil if
// it has none. The caller releases the result.
func (m *machine) run(fn, context int32, in *state, depth int) *state {
	f := &m.funcs[fn]
	if f.block == nil {
		m.steps += len(f.f.Insns) / 2
		f.divide()
	}
	if len(f.starts) == 0 || depth >= maxDepth {
		m.stop("the programs' calls nest too deeply")
		return nil
	}
	m.steps += len(f.starts) / 4
	x := &run{m: m, fn: fn, f: f, context: context, depth: depth,
		entry: make([]*state, len(f.starts)), visits: make([]uint8, len(f.starts)),
		pending: make([]bool, len(f.starts))}
	in.regs[asm.RFP] = pointerTo(m.region(regionKey{regionStack, nil, context, 0},
		site{fn, 0}), 0)
	x.reach(0, in)
	for x.next < len(f.starts) && !m.stopped() {
		b := x.next
		if !x.pending[b] {
			x.next++
			continue
		}
		x.pending[b] = false
		s := x.entry[b]
		if f.loops[b] {
			s = m.newState()
			s.copyFrom(x.entry[b])
		} else {
			x.entry[b] = nil // no way leads here again
		}
		x.block(b, s)
		m.release(s)
	}
	for _, s := range x.entry {
		if s != nil {
			m.release(s)
		}
	}
	return x.exit
}

// run is one run of a function.
type run struct {
	m       *machine
	fn      int32
	f       *function
	context int32
	depth   int
	entry   []*state // by block
	visits  []uint8
	pending []bool
	next    int // no block before it is pending
	exit    *state
}

// reach merges a state into that at an instruction, which starts a block.
func (x *run) reach(insn int, s *state) {
	if insn < 0 || insn >= len(x.f.block) || x.f.block[insn] < 0 {
		return
	}
	b := int(x.f.block[insn])
	if x.entry[b] == nil {
		x.entry[b] = x.m.newState()
		x.entry[b].copyFrom(s)
	} else {
		x.m.steps += 1 + s.size()/4
		if !x.m.merge(x.entry[b], s, x.visits[b] > widenAfter) {
			return
		}
	}
	x.m.count(x.entry[b])
	if x.visits[b] < math.MaxUint8 {
		x.visits[b]++
	}
	x.pending[b] = true
	x.next = min(x.next, b)
}

// block runs one basic block.
func (x *run) block(b int, s *state) {
	m, insns := x.m, x.f.f.Insns
	for i := int(x.f.starts[b]); ; {
		if m.steps++; m.steps > maxSteps {
			m.stop("the programs take too many steps")
		}
		if m.stopped() || i >= len(insns) {
			return
		}
		in := insns[i]
		switch d, jumps := in.JumpDistance(); {
		case jumps:
			x.jump(i, in, int(d), s)
			return
		case in.IsExit():
			if x.exit == nil {
				x.exit = m.newState()
				x.exit.copyFrom(s)
			} else {
				m.merge(x.exit, s, false)
			}
			return
		}
		x.step(i, in, s)
		i += in.Slots()
		if i < len(insns) && x.f.block[i] >= 0 {
			x.reach(i, s)
			return
		}
	}
}
