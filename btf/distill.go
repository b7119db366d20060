package btf

import "fmt"

// Distill returns what remains of split BTF if its base may change: a distilled base, which has
// only the types of the base that s refers to, by name and size, and BTF split over it, which has
// the types of s, and after them those of the base that have no names (libbpf: btf__distill_base;
// pahole writes both into modules, as .BTF.base and .BTF). [Spec.Relocate] puts the second over
// another base.
//
// The result is libbpf's, except where that loses types: if s refers only to types of the base that
// have no names, libbpf leaves out these as well.
//
// It is an error if s refers to a function, variable, section or declaration tag of its base.
func (s *Spec) Distill() (base, split *Spec, err error) {
	if s.base == nil {
		return nil, nil, fmt.Errorf("btf: distill: %w", ErrNeedsBase)
	}
	for b := s; b != nil; b = b.base {
		if err := b.checkKnown(); err != nil {
			return nil, nil, err
		}
	}
	d := distiller{spec: s, ids: make([]ID, s.Len())}
	if err := d.mark(); err != nil {
		return nil, nil, err
	}
	if err := d.checkNames(); err != nil {
		return nil, nil, err
	}
	if base, err = d.makeBase(); err != nil {
		return nil, nil, err
	}
	if split, err = d.makeSplit(base); err != nil {
		return nil, nil, err
	}
	return base, split, nil
}

type distiller struct {
	spec *Spec
	ids  []ID // new ids; before, marked for types of the base that are used
}

const marked = ID(1)

// mark finds the types of the base that are used. Of named structs and unions, the members are not.
func (d *distiller) mark() error {
	var todo []ID
	for t := range d.spec.Types() {
		todo = append(todo[:0], t.id)
		for len(todo) > 0 {
			t, _ := d.spec.Type(todo[len(todo)-1])
			todo = todo[:len(todo)-1]
			eachID(t.Record(), func(w []byte) {
				id := ID(host.Uint32(w))
				if id == 0 || id >= d.spec.first || d.ids[id] != 0 {
					return
				}
				d.ids[id] = marked
				if t, _ := d.spec.Type(id); !t.Kind().IsComposite() || t.NameOff() == 0 {
					todo = append(todo, id)
				}
			})
		}
	}
	for id, used := range d.ids {
		t, _ := d.spec.Type(ID(id))
		switch k := t.Kind(); k {
		case KindFunc, KindVar, KindDatasec, KindDeclTag:
			if used != 0 {
				return &FormatError{Section: "types", Offset: uint64(t.off), Type: t.id,
					Msg: fmt.Sprintf("split BTF refers to a %v of its base, "+
						"which a distilled base can't have", k)}
			}
		}
	}
	return nil
}

// checkNames refuses names that overlap so much that they would take far more space as strings of
// their own.
func (d *distiller) checkNames() error {
	budget := 64 << 10
	for s := d.spec; s != nil; s = s.base {
		budget += 4 * (len(s.types) + len(s.strs))
	}
	for id, used := range d.ids {
		if t, _ := d.spec.Type(ID(id)); used != 0 || t.id >= d.spec.first {
			eachString(t.Record(), func(w []byte) {
				name, _ := d.spec.Name(host.Uint32(w))
				budget -= len(name)
			})
			if budget < 0 {
				return &FormatError{Section: "types", Offset: uint64(t.off), Type: t.id,
					Msg: "names overlap: as strings of their own they take too much space",
					Err: ErrTooBig}
			}
		}
	}
	return nil
}

// inBase reports whether a type of the base goes into the distilled base.
func inBase(t Type) bool {
	switch t.Kind() {
	case KindInt, KindFloat, KindFwd:
		return true
	case KindStruct, KindUnion, KindEnum, KindEnum64:
		return t.NameOff() != 0
	}
	return false
}

func (d *distiller) makeBase() (*Spec, error) {
	b := NewBuilder(nil)
	for id := ID(1); id < d.spec.first; id++ {
		t, _ := d.spec.Type(id)
		if d.ids[id] == 0 || !inBase(t) {
			continue
		}
		name, _ := d.spec.Name(t.NameOff())
		switch t.Kind() {
		case KindStruct:
			d.ids[id] = b.AddStruct(name, t.Size())
		case KindUnion:
			d.ids[id] = b.AddUnion(name, t.Size())
		case KindEnum, KindEnum64:
			d.ids[id] = b.AddEnum(name, t.Size(), false)
		default:
			d.ids[id] = b.AddType(t)
		}
	}
	s, err := b.Spec()
	if err != nil {
		return nil, fmt.Errorf("btf: distill: %w", err)
	}
	s.ptrSize.Store(d.spec.ptrSize.Load())
	return s, nil
}

func (d *distiller) makeSplit(base *Spec) (*Spec, error) {
	b := NewBuilder(base)
	b.ptrSize = d.spec.ptrSize.Load()
	for t := range d.spec.Types() {
		d.ids[t.id] = b.AddType(t)
	}
	for id := ID(1); id < d.spec.first; id++ {
		if t, _ := d.spec.Type(id); d.ids[id] != 0 && !inBase(t) {
			d.ids[id] = b.AddType(t)
		}
	}
	if b.err != nil {
		return nil, fmt.Errorf("btf: distill: %w", b.err)
	}
	for i, off := range b.offs {
		end := len(b.types)
		if i+1 < len(b.offs) {
			end = int(b.offs[i+1])
		}
		renumber(b.types[off:end], d.ids)
	}
	return b.Spec()
}
