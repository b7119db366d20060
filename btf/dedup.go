package btf

import "fmt"

// Dedup leaves every type and every string once, and returns x, which may be nil, with its ids and
// string offsets changed accordingly (libbpf: btf__dedup). Forward declarations become the struct,
// union or enum that they declare if there is only one. Types stay in order; variables and sections
// are never merged. The base of split BTF doesn't change: types that it has are taken from there.
// Strings that nothing uses go, unless the Builder started empty: then there are no others.
//
// Types, ids and strings are those of libbpf 1.5. (Later versions compare an array that occurs
// twice in a struct only with itself, so that they may merge structs with different arrays; Dedup
// compares the elements.) BTF that [Spec.Validate] refuses, and types that refer to themselves
// without a struct or union between, are errors of type [*FormatError].
//
// The time is proportional to the size, unless many types have the same name and shape but differ
// in what they refer to; BTF for which this would take minutes is refused with [ErrTooBig].
func (b *Builder) Dedup(x *Ext) (*Ext, error) {
	if b.err == nil {
		x, b.err = b.dedup(x)
	}
	if b.err != nil {
		return nil, b.err
	}
	return x, nil
}

func (b *Builder) dedup(x *Ext) (*Ext, error) {
	shared := b.shared
	s, err := b.Spec()
	if err != nil {
		return nil, err
	}
	b.shared = shared // s is of no use afterwards
	s.validated.Store(b.valid == len(b.offs))
	for v := s; v != nil; v = v.base {
		if err := v.checkKnown(); err != nil {
			return nil, err
		}
	}
	if x != nil {
		if err := x.validate(s); err != nil {
			return nil, err
		}
		x = x.clone()
	}
	b.own()
	d := newDedup(s, b.types, x)
	if !b.unique {
		b.strs, b.indexed, b.lastOff = d.dedupStrings(), true, 0
		b.unique = d.err == nil
	}
	d.addBase()
	d.dedupPlain()
	d.dedupComposites()
	d.resolveForwards()
	d.dedupReferences()
	if d.err != nil {
		return nil, d.err
	}
	b.types, b.offs = d.compact()
	b.valid = len(b.offs)
	return x, nil
}

// dedup is a deduplication in progress. Its passes are those of libbpf, in the same order.
type dedup struct {
	spec  *Spec
	first ID       // of the own types
	types []byte   // the own records, whose references become those of canonical types
	offs  []uint32 // of the own types
	kinds []Kind   // of all types
	fwds  []ID     // own forward declarations
	ext   *Ext

	// canonical has the type by which each type is replaced, itself if it stays, 0 if that isn't
	// known yet. Types that are replaced by others may be replaced in turn: see resolve.
	canonical []ID
	table     candidateTable // canonical types

	// hypothesis maps types of the canonical graph to types of the candidate's graph while the two
	// are compared; 0 means none. mapped lists the former in order.
	hypothesis []ID
	mapped     []ID
	// needsBase is set if the graphs are equal only if a forward declaration of the base were
	// defined by the split BTF, which can't be.
	needsBase bool
	stack     []typePair
	frames    []refFrame

	steps int64 // comparisons that are left
	err   error
}

const (
	inProgress = ID(0xffffffff)
	// freeSteps and stepsPerType limit the comparisons. Real BTF takes a handful for each type.
	freeSteps    = 1 << 26
	stepsPerType = 256
)

func newDedup(s *Spec, types []byte, x *Ext) *dedup {
	n := s.Len()
	d := &dedup{
		spec: s, first: s.first, types: types, offs: s.offsetList(), ext: x,
		canonical: make([]ID, n), hypothesis: make([]ID, n), kinds: make([]Kind, n),
		steps: freeSteps + stepsPerType*int64(n),
	}
	d.table.next, d.table.hash = make([]ID, n), make([]uint32, n)
	for i, off := range d.offs {
		id, kind := d.first+ID(i), recordKind(types[off:])
		switch d.kinds[id] = kind; kind {
		case KindVar, KindDatasec:
			d.canonical[id] = id
		case KindFwd:
			d.fwds = append(d.fwds, id)
		}
	}
	for b := s.base; b != nil; b = b.base {
		for i, off := range b.offsetList() {
			d.kinds[b.first+ID(i)] = recordKind(b.types[off:])
		}
	}
	return d
}

// record returns the bytes from a type's record on.
func (d *dedup) record(id ID) []byte {
	if id >= d.first {
		return d.types[d.offs[id-d.first]:]
	}
	return d.baseRecord(id)
}

func (d *dedup) baseRecord(id ID) []byte {
	if id == 0 {
		return voidRecord[:]
	}
	b := d.spec.base
	for id < b.first {
		b = b.base
	}
	return b.types[b.offset(int(id-b.first)):]
}

var voidRecord [headSize]byte

// fail keeps the first error, about a type.
func (d *dedup) fail(id ID, reason error, format string, args ...any) {
	if d.err == nil {
		e := &FormatError{Section: "types", Type: id, Msg: fmt.Sprintf(format, args...),
			Err: reason}
		if id >= d.first {
			e.Offset = uint64(d.offs[id-d.first])
		}
		d.err = e
	}
}

// step counts a comparison for a type. It returns false after an error.
func (d *dedup) step(id ID) bool {
	d.steps -= 1 + d.table.hops
	if d.table.hops = 0; d.steps < 0 {
		d.fail(id, ErrTooBig, "comparing it with all types of its name and shape takes too long")
	}
	return d.err == nil
}

// resolve follows replacements to the type that stays, or whose replacement isn't known yet.
func (d *dedup) resolve(id ID) ID {
	for {
		to := d.canonical[id]
		if to == id || to == 0 || to == inProgress {
			return id
		}
		id = to
	}
}

// addBase makes all types of the base canonical.
func (d *dedup) addBase() {
	for id := ID(1); id < d.first; id++ {
		d.canonical[id] = id
		rec := d.record(id)
		switch d.kinds[id] {
		case KindVar, KindDatasec:
		case KindEnum, KindEnum64:
			d.table.add(hashEnum(rec), id)
		case KindStruct, KindUnion:
			d.table.add(hashComposite(rec), id)
		default:
			d.table.add(hashRecord(rec), id)
		}
	}
}

// dedupPlain finds the canonical types of those that refer to no other types.
func (d *dedup) dedupPlain() {
	for i, kind := range d.kinds[d.first:] {
		id := d.first + ID(i)
		switch kind {
		case KindInt, KindFloat, KindFwd:
			d.canonical[id] = d.findEqual(id, d.types[d.offs[i]:])
		case KindEnum, KindEnum64:
			d.canonical[id] = d.findEnum(id, d.types[d.offs[i]:])
		default:
			continue
		}
		if d.err != nil {
			return
		}
	}
}

// findEqual returns the canonical type with the same record, ids included. If there is none, id
// becomes canonical.
func (d *dedup) findEqual(id ID, rec []byte) ID {
	h := hashRecord(rec)
	rec = rec[:recordSize(rec)]
	for c := d.table.first(h); c != 0; c = d.table.after(c, h) {
		if !d.step(id) {
			return id
		}
		if equalRecords(rec, d.record(c)) {
			return c
		}
	}
	if d.step(id) {
		d.table.add(h, id)
	}
	return id
}

// findEnum returns the canonical enum: an equal one, or for a forward declaration any of the same
// name. Forward declarations that are canonical already are replaced by id.
func (d *dedup) findEnum(id ID, rec []byte) ID {
	h := hashEnum(rec)
	rec = rec[:recordSize(rec)]
	forward := vlen(rec) == 0
	for c := d.table.first(h); c != 0; c = d.table.after(c, h) {
		if !d.step(id) {
			return id
		}
		other := d.record(c)
		switch {
		case equalRecords(rec, other):
			return c
		case !compatibleEnums(rec, other):
		case forward:
			return c
		default:
			d.canonical[c] = id
		}
	}
	if d.step(id) {
		d.table.add(h, id)
	}
	return id
}

// compatibleEnums reports whether two records are enums of the same name, at least one of which is
// a forward declaration, or equal.
func compatibleEnums(a, b []byte) bool {
	if vlen(a) != 0 && vlen(b) != 0 {
		return equalRecords(a[:recordSize(a)], b)
	}
	return word(a, 0) == word(b, 0) && recordKind(a).IsEnum() && recordKind(b).IsEnum()
}

// resolveForwards replaces forward declarations by the only struct or union of the same name.
func (d *dedup) resolveForwards() {
	if d.err != nil {
		return
	}
	var byName map[uint32]ID // of names of unresolved forward declarations
	for _, id := range d.fwds {
		if d.canonical[id] == id {
			if byName == nil {
				byName = map[uint32]ID{}
			}
			byName[word(d.record(id), 0)] = 0
		}
	}
	if byName == nil {
		return
	}
	for i, kind := range d.kinds {
		id := ID(i)
		if !kind.IsComposite() || d.canonical[id] != id {
			continue
		}
		name := word(d.record(id), 0)
		if other, ok := byName[name]; ok {
			if other == 0 {
				byName[name] = id
			} else {
				byName[name] = inProgress // several
			}
		}
	}
	for _, id := range d.fwds {
		rec := d.record(id)
		to := byName[word(rec, 0)]
		if d.canonical[id] == id && to != 0 && to != inProgress &&
			d.kinds[to] == forwardKind(rec) {
			d.canonical[id] = to
		}
	}
}

// forwardKind returns the kind that a FWD declares.
func forwardKind(rec []byte) Kind {
	if word(rec, 1)>>31 != 0 {
		return KindUnion
	}
	return KindStruct
}

// compact removes the types that are replaced, renumbers the others, and changes all references. It
// returns the records and their offsets.
func (d *dedup) compact() (types []byte, offs []uint32) {
	ids := d.hypothesis // new ids
	n, end := d.first, 0
	for i, to := range d.canonical {
		switch id := ID(i); {
		case id < d.first:
			ids[id] = id
		case to == id:
			ids[id] = n
			n++
		}
	}
	for i, to := range d.canonical {
		if to != ID(i) {
			ids[i] = ids[d.resolve(ID(i))]
		}
	}
	offs = make([]uint32, 0, n-d.first)
	for i, off := range d.offs {
		if id := d.first + ID(i); d.canonical[id] != id {
			continue
		}
		offs = append(offs, uint32(end))
		size := recordSize(d.types[off:])
		rec := d.types[end : end+size]
		copy(rec, d.types[off:])
		renumber(rec, ids)
		end += size
	}
	if d.ext != nil {
		d.ext.eachID(func(w []byte) { host.PutUint32(w, uint32(ids[host.Uint32(w)])) })
	}
	return d.types[:end], offs
}
