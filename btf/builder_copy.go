package btf

import "math"

// AddType appends a copy of a type of any Spec with its name and its elements' names; the ids that
// it refers to are not changed (libbpf: btf__add_type).
func (b *Builder) AddType(t Type) ID {
	return b.addRecord(t, func(id ID) ID { return id })
}

// AddSpec appends copies of all own types of s, which refer to each other, and returns the first
// new id (libbpf: btf__add_btf). A split s must share the Builder's base, whose ids stay.
func (b *Builder) AddSpec(s *Spec) ID {
	if s.base != nil && s.base != b.base {
		b.fail("add BTF: it is split over another base")
	}
	if b.err != nil {
		return 0
	}
	start, end := len(b.types), len(b.offs)
	first := b.Len()
	for t := range s.Types() {
		b.addRecord(t, func(id ID) ID {
			if id < s.first {
				return id
			}
			return id - s.first + first
		})
	}
	if b.err != nil {
		b.types, b.offs = b.types[:start], b.offs[:end]
		return 0
	}
	return first
}

// addRecord appends a record with its strings and mapped ids.
func (b *Builder) addRecord(t Type, mapID func(ID) ID) ID {
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
	eachWord(rec, func(w int, isID bool) {
		v := host.Uint32(rec[w:])
		if isID {
			v = uint32(mapID(ID(v)))
		} else if v != 0 {
			text, ok := t.spec.Name(v)
			if !ok {
				b.fail("add type [%d]: no string at offset %d", t.ID(), v)
			}
			v = b.AddString(text)
		}
		host.PutUint32(b.types[at+w:], v)
	})
	return id
}
