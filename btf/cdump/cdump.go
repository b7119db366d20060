// Package cdump writes BTF types as C declarations that compile to the same layout (libbpf
// btf_dump). [Header] writes a whole header such as vmlinux.h; a [Dumper] writes single types.
//
// A definition may need others before it: the type of an embedded member must be complete, while a
// pointer needs no more than a forward declaration. Dumper.Type first walks the types that id
// depends on and queues those that must be complete, innermost first. It then writes the queue and,
// before each definition, the forward declarations that its pointers need.
//
// Names come from the BTF of a file that nobody checked. A name that C doesn't allow is changed so
// that it does, and can't end a comment or a line; see [Dumper]. The output is limited in size,
// because nested anonymous types can describe more text than fits in memory.
package cdump

import (
	"errors"
	"fmt"
	"io"

	"github.com/purebpf/bpf/btf"
)

// Limits that real BTF doesn't reach.
const (
	maxDepth     = 512     // nesting of types
	stepsPerType = 64      // visits of a type, on average
	minSteps     = 1 << 20 // visits that any BTF may take
	outputFactor = 64      // bytes of C for each byte of BTF
	minOutput    = 1 << 20
	flushAt      = 64 << 10
)

// errTooMuch reports that types nest or refer to each other so that the output would not end.
var errTooMuch = errors.New("the types expand without end")

type state uint8

const (
	untouched state = iota
	underway
	done
)

// typeState is what a Dumper knows about a type.
type typeState struct {
	order      state // whether the walk for dependencies reached it
	emit       state // whether its definition was written
	declared   bool  // whether a forward declaration was written
	referenced bool  // whether another type refers to it
	named      bool  // whether its name was chosen
	align      uint8 // alignment in bytes, 0 if not computed yet
}

// A Dumper writes C declarations of types of one BTF. Each definition is written once, so that the
// calls of a Dumper together write one valid header. A Dumper must not be used concurrently.
//
// Names that occur twice are numbered: the second struct s is s___2. Struct, union and enum tags
// share one count, typedefs and enumerators another. A character that isn't allowed in a C
// identifier becomes an underscore, and a keyword gets one appended.
type Dumper struct {
	spec    *btf.Spec
	w       io.Writer
	out     []byte // not written yet
	written uint64
	limit   uint64
	steps   uint64
	err     error

	states  []typeState
	queue   []btf.ID // definitions to write, in order
	stack   []btf.ID // declarators under construction, see decl.go
	numbers map[btf.ID]uint32
	tags    map[string]uint32 // how often each name was used
	idents  map[string]uint32
	ptrSize uint32
}

// NewDumper returns a Dumper that writes types of spec to w (libbpf btf_dump__new).
func NewDumper(w io.Writer, spec *btf.Spec) *Dumper {
	n := uint64(spec.Len())
	size := uint64(0)
	for s := spec; s != nil; s = s.Base() {
		size += uint64(len(s.Raw()))
	}
	d := &Dumper{
		spec: spec, w: w, states: make([]typeState, n),
		limit: minOutput + outputFactor*size, steps: minSteps + stepsPerType*n,
		numbers: map[btf.ID]uint32{}, ptrSize: spec.PointerSize(),
	}
	tags, idents := d.markReferenced()
	d.tags = make(map[string]uint32, tags)
	d.idents = make(map[string]uint32, idents)
	return d
}

// Type writes the definition of a type and all declarations it needs (libbpf
// btf_dump__dump_type). Functions, variables and data sections write nothing.
func (d *Dumper) Type(id btf.ID) error {
	if d.err != nil {
		return d.err
	}
	d.queue = d.queue[:0]
	if _, err := d.orderType(id, false, 0); err != nil {
		return d.fail(id, err)
	}
	for _, id := range d.queue {
		if err := d.emitType(id, 0, 0); err != nil {
			return d.fail(id, err)
		}
	}
	if d.written+uint64(len(d.out)) > d.limit {
		return d.fail(id, errTooMuch)
	}
	return d.flush(flushAt)
}

// Flush writes what is buffered.
func (d *Dumper) Flush() error { return d.flush(0) }

func (d *Dumper) flush(atLeast int) error {
	if d.err != nil || len(d.out) < max(atLeast, 1) {
		return d.err
	}
	_, d.err = d.w.Write(d.out)
	d.written += uint64(len(d.out))
	d.out = d.out[:0]
	return d.err
}

func (d *Dumper) fail(id btf.ID, err error) error {
	d.err = fmt.Errorf("btf: C declaration of type [%d]: %w", id, err)
	return d.err
}

// step counts a visit of a type.
func (d *Dumper) step(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("types nest more than %d deep: %w", maxDepth, errTooMuch)
	}
	if d.steps == 0 || d.written+uint64(len(d.out)) > d.limit {
		return errTooMuch
	}
	d.steps--
	return d.flush(flushAt)
}

// typ returns a type that others refer to.
func (d *Dumper) typ(id btf.ID) (btf.Type, error) {
	t, ok := d.spec.Type(id)
	if !ok {
		return t, fmt.Errorf("there is no type [%d]", id)
	}
	return t, nil
}

// markReferenced marks the types that other types refer to. An anonymous enum that nothing refers
// to is a declaration of its own. It returns how many names there are at most.
func (d *Dumper) markReferenced() (tags, idents int) {
	mark := func(id btf.ID) {
		if uint64(id) < uint64(len(d.states)) {
			d.states[id].referenced = true
		}
	}
	for id := range d.spec.Len() {
		t, _ := d.spec.Type(id)
		switch t.Kind() {
		case btf.KindArray:
			a := t.Array()
			mark(a.Elem)
			mark(a.Index)
		case btf.KindStruct, btf.KindUnion:
			for i := range t.Vlen() {
				mark(t.Member(i).Type)
			}
			tags++
		case btf.KindFuncProto:
			for i := range t.Vlen() {
				mark(t.Param(i).Type)
			}
			mark(t.Ref())
		case btf.KindDatasec:
			for i := range t.Vlen() {
				mark(t.SecVar(i).Type)
			}
		case btf.KindEnum, btf.KindEnum64:
			tags++
			idents += t.Vlen()
		case btf.KindTypedef:
			idents++
			mark(t.Ref())
		default:
			mark(t.Ref())
		}
	}
	return tags, idents
}
