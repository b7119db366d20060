package btf

import "fmt"

// Relocate returns split BTF over another base than the distilled one over which s is split
// (libbpf: btf__relocate, and what kernels do with the BTF of modules since 6.11). The types of the
// distilled base are found in base by name; integers, floats and enums must also have the same
// size, as must structs and unions that are members of types in s by value, or whose name occurs
// more than once in base.
//
// The verdict is libbpf's and the kernel's, also where it is surprising: a forward declaration
// matches a struct only if that has no bit fields, and a union only if it has some; a struct
// matches any kind of type of its name. It is an error if a type of the distilled base is not in
// base, or can't be told from another one.
func (s *Spec) Relocate(base *Spec) (*Spec, error) {
	switch {
	case s.base == nil || s.base.base != nil:
		return nil, fmt.Errorf("btf: relocate: the BTF is not split over a distilled base: %w",
			ErrNeedsBase)
	case base == nil || base == s.base:
		return nil, fmt.Errorf("btf: relocate: no other base: %w", ErrNeedsBase)
	case s.unknown:
		return nil, fmt.Errorf("btf: relocate: %w", ErrReadOnly)
	}
	for _, b := range []*Spec{s, s.base, base} {
		if err := b.checkKnown(); err != nil {
			return nil, err
		}
	}
	strEnd := uint64(base.strFirst) + uint64(len(base.strs))
	if uint64(base.Len())+uint64(s.offs.n) > maxID || strEnd+uint64(len(s.strs)) > maxStrOff {
		return nil, fmt.Errorf("btf: relocate: %d types over a base of %d: %w", s.offs.n,
			base.Len(), ErrTooBig)
	}
	r := relocation{split: s, distilled: s.base, base: base, ids: make([]ID, s.Len()),
		names: make([]uint32, len(s.base.strs)), embedded: make([]bool, s.first)}
	if err := r.match(); err != nil {
		return nil, err
	}
	for id := s.first; id < s.Len(); id++ {
		r.ids[id] = id - s.first + base.Len()
	}
	types := append(make([]byte, 0, len(s.types)), s.types...)
	offs := s.offsetList()
	for i, off := range offs {
		rec := types[off:s.after(i, off)]
		renumber(rec, r.ids)
		if err := r.rename(s.first+ID(i), off, rec, uint32(strEnd)); err != nil {
			return nil, err
		}
	}
	moved := &Spec{base: base, first: base.Len(), strFirst: uint32(strEnd), layout: s.layout,
		types: types, offs: allOffsets(offs), strs: s.strs}
	moved.ptrSize.Store(s.ptrSize.Load())
	return moved, nil
}

type relocation struct {
	split, distilled, base *Spec
	ids                    []ID     // new ones
	names                  []uint32 // offsets in base, by those in the distilled base
	embedded               []bool   // types of the distilled base that members have by value
}

// fail returns an error about a type of the distilled base.
func (r *relocation) fail(t Type, format string, args ...any) error {
	return &FormatError{Section: "types", Offset: uint64(t.off), Type: t.id,
		Msg: fmt.Sprintf("%v %q of the distilled base ", t.Kind(), t.Name()) +
			fmt.Sprintf(format, args...)}
}

// match finds the types of the distilled base in base.
func (r *relocation) match() error {
	byName := map[string][]Type{}
	for t := range r.distilled.Types() {
		switch t.Kind() {
		case KindInt, KindFloat, KindEnum, KindStruct, KindUnion, KindFwd:
		default:
			return r.fail(t, "is of a kind that it can't have")
		}
		name := t.Name()
		if name == "" {
			return r.fail(t, "has no name")
		}
		byName[name] = append(byName[name], t)
	}
	if err := r.markEmbedded(); err != nil {
		return err
	}
	composites := map[uint32]int{} // by name, of those in byName
	for pass := range 2 {
		for id := ID(1); id < r.base.Len(); id++ {
			t, _ := r.base.Type(id)
			if t.NameOff() == 0 || !matchable(t.Kind()) {
				continue
			}
			name := t.Name()
			same := byName[name]
			if len(same) == 0 {
				continue
			}
			if pass == 0 {
				if t.Kind().IsComposite() {
					composites[t.NameOff()]++
				}
				continue
			}
			bySize := t.Kind() != KindFwd &&
				(!t.Kind().IsComposite() || composites[t.NameOff()] > 1)
			for _, d := range same {
				if bySize && d.word(8) != t.word(8) || !r.matches(d, t) {
					continue
				}
				if r.ids[d.id] != 0 {
					return r.fail(d, "can be [%d] and [%d] of the base", r.ids[d.id], id)
				}
				r.ids[d.id] = id
				r.names[d.NameOff()] = t.NameOff()
			}
		}
	}
	for t := range r.distilled.Types() {
		if r.ids[t.id] == 0 {
			if r.embedded[t.id] {
				return r.fail(t, "is not in the base with its size, %d", t.Size())
			}
			return r.fail(t, "is not in the base")
		}
	}
	return nil
}

// matchable reports whether types of a kind are searched for in a base.
func matchable(k Kind) bool {
	switch k {
	case KindInt, KindFloat, KindEnum, KindEnum64, KindFwd, KindStruct, KindUnion:
		return true
	}
	return false
}

// matches reports whether a type of the distilled base may be a type of the base, which has the
// same name, and the same size if that is required of all.
func (r *relocation) matches(distilled, t Type) bool {
	switch k := t.Kind(); distilled.Kind() {
	case KindFwd:
		return k == KindFwd && distilled.KFlag() == t.KFlag() || k == KindStruct && !t.KFlag() ||
			k == KindUnion && t.KFlag()
	case KindInt:
		return k == KindInt && distilled.IntEncoding() == t.IntEncoding()
	case KindFloat:
		return k == KindFloat
	case KindEnum:
		return k.IsEnum()
	}
	// libbpf forgets that a type is embedded once it has found one for it
	return !r.embedded[distilled.id] || r.ids[distilled.id] != 0 ||
		distilled.word(8) == t.word(8)
}

// maxEmbedding is the longest chain of arrays, typedefs and modifiers that is followed.
const maxEmbedding = 4096

// mostHops limits the steps along all chains together.
const mostHops = 1 << 26

// markEmbedded finds the structs and unions of the distilled base that members have by value.
func (r *relocation) markEmbedded() error {
	hops := 0
	for t := range r.split.Types() {
		if !t.Kind().IsComposite() {
			continue
		}
		for i := range t.Vlen() {
			id := t.Member(i).Type
			for n := 0; ; n++ {
				m, _ := r.split.Type(id)
				if m.Kind() == KindArray {
					id = m.Array().Elem
				} else if m.Kind().IsModifier() {
					id = m.Ref()
				} else {
					if m.Kind().IsComposite() && id < r.split.first {
						r.embedded[id] = true
					}
					break
				}
				if hops++; hops == mostHops {
					return &FormatError{Section: "types", Offset: uint64(t.off), Type: t.id,
						Msg: "following its members takes too long", Err: ErrTooBig}
				}
				if n == maxEmbedding {
					return &FormatError{Section: "types", Offset: uint64(t.off), Type: t.id,
						Msg: fmt.Sprintf("the type of member %d refers to itself", i)}
				}
			}
		}
	}
	return nil
}

// rename changes the offsets of a record's strings; those of the base start end bytes after the
// first.
func (r *relocation) rename(id ID, off uint32, rec []byte, end uint32) (err error) {
	eachString(rec, func(w []byte) {
		at := host.Uint32(w)
		switch {
		case at == 0:
		case at >= r.split.strFirst:
			host.PutUint32(w, at-r.split.strFirst+end)
		case r.names[at] != 0:
			host.PutUint32(w, r.names[at])
		case err == nil:
			name, _ := r.split.Name(at)
			err = &FormatError{Section: "types", Offset: uint64(off), Type: id,
				Msg: fmt.Sprintf("%.40q is not the name of a type of the distilled base", name)}
		}
	})
	return err
}
