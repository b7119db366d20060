package records

import (
	"slices"

	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// emit is one place where a program makes a record.
type emit struct {
	emitKey
	program *object.Program
	m       *object.Map // nil if that is not known
	nested  bool        // m is the map of maps in which the buffer is
	perf    bool        // to a perf buffer
	size    value
	tail    bool  // the kernel appends bytes of a packet
	at      value // where the record lies
	cells   []int32
	reserve bool // it was reserved, and counts only if it is submitted
	sent    bool // it was submitted
}

type emitKey struct {
	context int32
	at      site
}

// emit notes that a program outputs size bytes at a place to a buffer.
func (x *run) emit(i int, buffer, size, at value, s *state, flags value) {
	e := emit{emitKey: emitKey{x.context, site{x.fn, int32(i)}}, program: x.m.program, size: size,
		at: at, cells: x.m.cellsOf(at, s), perf: x.f.f.Insns[i].Imm != ringbufOutput}
	// Bits 32 to 51 of the flags say how much of the packet follows (BPF_F_CTXLEN_MASK).
	lo, hi := flags.bounds()
	e.tail = hi>>32 != 0 && (lo != hi || lo>>32&0xfffff != 0)
	e.buffer(x.m, buffer)
	x.m.note(e)
}

func (e *emit) buffer(m *machine, buffer value) {
	if buffer.kind == mapRef {
		e.m = m.maps[buffer.ref]
		e.nested = buffer.flags&inner != 0
	}
}

// cellsOf returns what is known about the region that a pointer points to.
func (m *machine) cellsOf(at value, s *state) []int32 {
	if at.kind != pointer {
		return nil
	}
	return m.all(s, at.ref)
}

// note adds a record, or replaces what was known about it.
func (m *machine) note(e emit) {
	i, ok := m.emitOf[e.emitKey]
	if !ok {
		if len(m.emits) >= maxEmits {
			m.stop("the programs output in too many places")
			return
		}
		i = len(m.emits)
		m.emits = append(m.emits, emit{})
		m.emitOf[e.emitKey] = i
	}
	m.emits[i] = e
}

// reserve runs bpf_ringbuf_reserve(map, size, flags) and bpf_ringbuf_reserve_dynptr(map, size,
// flags, ptr).
func (x *run) reserve(i int, id int32, s *state) value {
	m, r := x.m, &s.regs
	region := m.region(regionKey{regionRecord, nil, x.context, int32(i)}, site{x.fn, int32(i)})
	m.forget(s, region)
	e := emit{emitKey: emitKey{x.context, site{x.fn, int32(i)}}, program: m.program, size: r[2],
		at: pointerTo(region, 0), reserve: true}
	e.buffer(m, r[1])
	if at, ok := m.emitOf[e.emitKey]; ok { // in a loop, or on another way here
		old := &m.emits[at]
		e.sent, e.cells = old.sent, old.cells
		e.size = join(e.size, old.size)
	}
	m.note(e)
	if id == ringbufReserveDynptr {
		x.setDynptr(i, r[4], e.at, s)
		return number()
	}
	return e.at
}

// submit runs bpf_ringbuf_submit and bpf_ringbuf_discard.
func (x *run) submit(at value, sends bool, s *state) {
	m := x.m
	if at.kind == pointer {
		for i := range m.emits {
			e := &m.emits[i]
			if !e.reserve || e.at.ref != at.ref {
				continue
			}
			m.drained[at.ref] = true
			if sends {
				e.sent, e.cells = true, append(e.cells, m.cellsOf(at, s)...)
				slices.Sort(e.cells)
				e.cells = slices.Compact(e.cells)
			}
			return
		}
	}
	m.lost = m.lost || sends
}

const maxEmits = 1 << 10

// streams reports whether a map takes records of programs.
func streams(t uapi.MapType) bool {
	return t == uapi.MapRingBuf || t == uapi.MapPerfEventArray
}
