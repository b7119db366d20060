package btf

import "math"

// AddType appends a copy of a type of any Spec with its name and its elements' names; the ids that
// it refers to are not changed (libbpf: btf__add_type).
func (b *Builder) AddType(t Type) ID {
	rec := t.Record()
	switch k := t.Kind(); {
	case rec == nil:
		b.fail("add type: void is not a type to copy")
	case kinds[k].size == 0:
		b.fail("add type [%d]: %w %v", t.ID(), ErrUnknownKind, k)
	case b.Len() >= maxID || len(b.types)+len(rec) > math.MaxInt32:
		b.fail("add type [%d]: %d types: %w", t.ID(), b.Len(), ErrTooBig)
	}
	if b.err != nil {
		return 0
	}
	id, at := b.Len(), len(b.types)
	b.offs = append(b.offs, uint32(at))
	b.types = append(b.types, rec...)
	eachString(b.types[at:], func(w []byte) {
		if off := host.Uint32(w); off != 0 {
			text, ok := t.spec.Name(off)
			if !ok {
				b.fail("add type [%d]: no string at offset %d", t.ID(), off)
			}
			host.PutUint32(w, b.AddString(text))
		}
	})
	return id
}

// AddSpec appends copies of all own types of s, which refer to each other, and returns the first
// new id (libbpf: btf__add_btf). A split s must share the Builder's base, whose ids stay. It is an
// error if [Spec.Validate] refuses s.
func (b *Builder) AddSpec(s *Spec) ID {
	if b.err != nil {
		return 0
	}
	if s.base != nil && s.base != b.base {
		b.fail("add BTF: it is split over another base")
		return 0
	}
	if err := s.checkKnown(); err != nil {
		b.fail("add BTF: %w", err)
		return 0
	}
	if uint64(b.Len())+uint64(s.offs.n) > maxID || len(b.types)+len(s.types) > math.MaxInt32 {
		b.fail("add BTF: %d types more than %d: %w", s.offs.n, b.Len(), ErrTooBig)
		return 0
	}
	first, start := b.Len(), len(b.types)
	ids := make([]ID, s.Len())
	for id := range ids {
		if ids[id] = ID(id); ids[id] >= s.first {
			ids[id] += first - s.first
		}
	}
	m := stringMap{from: s, to: b.AddString, budget: stringBudget(s)}
	valid := b.valid == len(b.offs)
	b.types = append(b.types, s.types...)
	for i, off := range s.offsetList() {
		b.offs = append(b.offs, uint32(start)+off)
		rec := b.types[start+int(off) : start+int(s.after(i, off))]
		eachString(rec, m.replace)
		renumber(rec, ids)
	}
	if m.err != nil {
		b.fail("add BTF: %w", m.err)
	}
	if b.err != nil {
		b.types, b.offs = b.types[:start], b.offs[:len(b.offs)-s.offs.n]
		return 0
	}
	if valid {
		b.valid = len(b.offs)
	}
	return first
}
