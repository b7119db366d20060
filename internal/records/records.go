// Package records finds out of what type the records are that the programs of an object put into
// its ring buffers and perf buffers. The definition of such a buffer doesn't say; the instructions
// do. They are followed before they are relocated, all ways through each program at once: where the
// memory comes from that a program outputs (a value of a map, a global variable, its stack, what it
// reserved in the buffer), what it stores there, and which types are known to lie there, because
// the map has that type, or the memory is passed to a function that takes a pointer to it, is
// stored as a value in a map, or is accessed by a CO-RE relocation of a local type.
//
// Where nothing says so, the type is not guessed: that a struct has the right size or a promising
// name proves nothing. What the stores tell is a list of fields.
//
// The package makes no system call. Objects may be hostile: the analysis takes a limited number of
// steps and at most 64 times the object's size plus 64 MiB of memory. If it reaches a limit, it
// claims nothing.
package records

import (
	"math"
	"slices"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// Rank is how strong the evidence for a type is.
type Rank uint8

// The ranks, weakest first.
const (
	Unknown Rank = iota
	// Layout is the rank of the only type that has the record's size and the members that programs
	// write. In the object's BTF these must have the names of those in the lines of source.
	Layout
	Declared // a declaration that exists only to say so: a pointer called unused
	Emitted  // the program outputs memory that has this type
)

// Source is a place where a program makes a record.
type Source struct {
	Program  string // the entry program
	Function string // the function with the instruction: Program, or a subprogram
	Insn     int    // the instruction of Function that outputs or reserves the record
	// Min and Max are the record's size in bytes; Max is [NoLimit] if it is not known.
	Min, Max uint64
	Tail     bool      // the kernel appends bytes of a packet
	Type     btf.ID    // 0 if it is not known
	Spec     *btf.Spec // of Type and Rivals
	Rank     Rank      // of Type
	Fields   []Field   // what the program writes into the record
	// Rivals are the types that the evidence allows equally, if there are several.
	Rivals []btf.ID
}

// NoLimit is the size of a record that may be as large as the buffer.
const NoLimit = math.MaxUint64

// Stream is what the programs of an object put into one buffer.
type Stream struct {
	Map     *object.Map
	Perf    bool // a perf buffer, which rounds sizes up
	Sources []Source
	// Gap says why there may be records of which nothing is known, "" if there are none.
	Gap string
}

// Analysis is what the programs of an object put into its buffers.
type Analysis struct {
	Streams []*Stream // in the order of the object's maps
}

// Analyze follows the programs of an object. Types that the object's BTF lacks may be in supplied,
// BTF of a header for example; it may be nil.
func Analyze(o *object.Object, supplied *btf.Spec) *Analysis {
	m := newMachine(o)
	a := &Analysis{}
	for _, om := range o.Maps {
		if streams(om.Type) {
			a.Streams = append(a.Streams, &Stream{Map: om, Perf: om.Type == uapi.MapPerfEventArray})
		}
	}
	decls := []declared{{spec: o.BTF, types: declaredTypes(o.BTF)}}
	if supplied != nil {
		decls = append(decls, declared{spec: supplied, types: declaredTypes(supplied)})
	}
	for _, s := range a.Streams {
		emits := m.collect(s)
		unambiguous(s.Sources)
		for i, e := range emits {
			x := &s.Sources[i]
			if x.Type != 0 || x.Rivals != nil || m.declare(a, s, e, x, decls) {
				continue
			}
			m.layout(o.BTF, e, x, 2)
			if x.Type == 0 && x.Rivals == nil {
				m.layout(supplied, e, x, 0)
			}
		}
	}
	return a
}

// Of returns the type of the records in a buffer and how it is known; 0 and [Unknown] if the map
// doesn't exist, or if its records are of several types or of one that is not known.
func Of(o *object.Object, mapName string) (btf.ID, Rank) {
	if s := Analyze(o, nil).Stream(mapName); s != nil {
		return s.Type()
	}
	return 0, Unknown
}

// Stream returns what is put into the buffer with a name, nil if there is none.
func (a *Analysis) Stream(name string) *Stream {
	for _, s := range a.Streams {
		if s.Map.Name == name {
			return s
		}
	}
	return nil
}

// Type returns the only type of the records in the buffer and the weakest evidence for it; 0 if
// there are several, or if it is not known for all of them.
func (s *Stream) Type() (id btf.ID, rank Rank) {
	for i, x := range s.Sources {
		if x.Type == 0 || i > 0 && !x.same(&s.Sources[0]) {
			return 0, Unknown
		}
		if i == 0 {
			id, rank = x.Type, x.Rank
		}
		rank = min(rank, x.Rank)
	}
	if s.Gap != "" {
		return 0, Unknown
	}
	return id, rank
}

// same reports whether two sources make records of the same type.
func (x *Source) same(y *Source) bool {
	return x.Spec == y.Spec && x.Type != 0 && y.Type != 0 &&
		x.Spec.Skip(x.Type).ID() == y.Spec.Skip(y.Type).ID()
}

// collect adds the sources of a buffer, and returns what they were made from.
func (m *machine) collect(s *Stream) (emits []*emit) {
	s.Gap = m.why
	for i := range m.emits {
		e := &m.emits[i]
		if e.perf != s.Perf || e.reserve && !e.sent && !m.lost && m.drained[e.at.ref] {
			continue // in the other kind of buffers, or only discarded
		}
		switch {
		case e.m == nil:
			s.gap(e.program.Name + " outputs to a buffer that is not known")
		case e.m == s.Map || e.nested && holds(e.m, s.Map):
			s.Sources = append(s.Sources, m.source(e))
			emits = append(emits, e)
		}
	}
	if m.lost && !s.Perf {
		s.gap("a record is submitted of which is not known where it was reserved")
	}
	return emits
}

func (s *Stream) gap(why string) {
	if s.Gap == "" {
		s.Gap = why
	}
}

// holds reports whether a map of maps has a buffer as an initial value.
func holds(outer, om *object.Map) bool {
	return slices.ContainsFunc(outer.Values, func(v object.Value) bool { return v.Map == om })
}

// source returns what is known about one place.
func (m *machine) source(e *emit) Source {
	lo, hi := e.size.bounds()
	if hi > math.MaxUint32 {
		hi = NoLimit
	}
	x := Source{Program: e.program.Name, Function: m.funcs[e.emitKey.at.fn].f.Name,
		Insn: int(e.emitKey.at.insn), Min: lo, Max: hi, Tail: e.tail, Fields: m.fields(e),
		Spec: m.o.BTF}
	switch types := m.typesOf(e); len(types) {
	case 0:
	case 1:
		x.Type, x.Rank = types[0], Emitted
	default:
		x.Rivals = types
	}
	return x
}
