package records

import (
	"slices"
	"strings"

	"github.com/purebpf/bpf/btf"
)

// declared are types that the declarations of some BTF name as types of records.
type declared struct {
	spec  *btf.Spec
	types []btf.ID
}

// declaredTypes returns the structs that pointers called unused, unused_..., or ..._unused point
// to. C sources declare those only to get the type of records into the object:
//
//	const struct event *unused __attribute__((unused));
func declaredTypes(s *btf.Spec) (list []btf.ID) {
	if s == nil {
		return nil
	}
	for t := range s.Types() {
		if t.Kind() != btf.KindVar {
			continue
		}
		name := strings.TrimLeft(t.Name(), "_")
		if name != "unused" && !strings.HasPrefix(name, "unused_") &&
			!strings.HasSuffix(name, "_unused") {
			continue
		}
		if id := unqualified(s, pointee(s, t.Ref())); id != 0 && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// unqualified returns a type without const, volatile, restrict and type tags; typedefs stay.
func unqualified(s *btf.Spec, id btf.ID) btf.ID {
	for range maxNesting {
		t, ok := s.Type(id)
		if !ok || !t.Kind().IsModifier() || t.Kind() == btf.KindTypedef {
			break
		}
		id = t.Ref()
	}
	return id
}

// declare gives a source the type that a declaration names: the value type in the buffer's
// definition, or the only declared type that has the size of the record and that the programs'
// stores don't contradict. If the object has several buffers, the type's name must be the buffer's,
// with or without an s at its end.
func (m *machine) declare(a *Analysis, s *Stream, e *emit, x *Source, all []declared) bool {
	for _, d := range all {
		if d.spec == nil {
			continue
		}
		var list []btf.ID
		types := d.types
		own := btf.ID(0)
		if d.spec == m.o.BTF && !s.Perf {
			own = s.Map.ValueType
			types = append(slices.Clip(types), own)
		}
		for _, id := range types {
			name := d.spec.Skip(id).Name()
			named := id == own || len(a.Streams) == 1 || name == s.Map.Name ||
				name+"s" == s.Map.Name
			p := m.parts(d.spec)
			if named && len(p.sized(id, 0, e.size)) == 1 && !m.contradicted(d.spec, e, id) {
				list = append(list, id)
			}
		}
		switch len(list) {
		case 0:
		case 1:
			x.Type, x.Spec, x.Rank = list[0], d.spec, Declared
			return true
		default:
			x.Rivals, x.Spec = list, d.spec
			return true
		}
	}
	return false
}

// layout gives a source the only struct of some BTF that has the size of the record, all members
// that the programs write, at least two of them, and for at least named of these the names.
func (m *machine) layout(spec *btf.Spec, e *emit, x *Source, named int) {
	if spec == nil || len(x.Fields) == 0 {
		return
	}
	var list []btf.ID
	for t := range spec.Types() {
		if t.Kind() != btf.KindStruct || t.Name() == "" {
			continue
		}
		if n, names, ok := m.layoutFits(spec, e, t.ID(), x.Fields); ok && names >= named &&
			n >= min(2, t.Vlen()) {
			list = append(list, t.ID())
		}
	}
	switch len(list) {
	case 0:
	case 1:
		x.Type, x.Spec, x.Rank = list[0], spec, Layout
	default:
		x.Rivals, x.Spec = list[:min(len(list), maxRivals)], spec
	}
}

const maxRivals = 8

// layoutFits reports whether a type has the size of a record and the members that a program writes;
// it counts those, and those whose names are known.
func (m *machine) layoutFits(spec *btf.Spec, e *emit, id btf.ID, fields []Field) (matched,
	named int, ok bool) {
	p := m.parts(spec)
	if !p.ask() {
		return 0, 0, false
	}
	if list := p.sized(id, 0, e.size); len(list) != 1 || list[0] != id ||
		m.contradicted(spec, e, id) {
		return 0, 0, false
	}
	for _, f := range fields {
		if !p.ask() {
			return 0, 0, false
		}
		switch p.fitOf(id, uint64(f.Off), uint64(f.Size), 0) {
		case contradicts, padding:
			return 0, 0, false
		case matches:
			matched++
		}
		if f.Name != "" {
			name, _, _ := strings.Cut(f.Name[strings.LastIndexByte(f.Name, '.')+1:], "[")
			if p.ask(); !p.named(id, uint64(f.Off), uint64(f.Size), name, 0) {
				return 0, 0, false
			}
			named++
		}
	}
	return matched, named, true
}

// named reports whether a member of a type that has a name lies at an offset.
func (p *parts) named(id btf.ID, off, size uint64, name string, depth int) bool {
	if p.steps++; p.steps > maxParts || depth > maxNesting {
		return false
	}
	t := p.spec.Skip(id)
	if !t.Kind().IsComposite() {
		return false
	}
	for i := range t.Vlen() {
		m := t.Member(i)
		n, err := p.spec.SizeOf(m.Type)
		start := uint64(m.BitOffset / 8)
		if err != nil || m.BitSize != 0 || off < start || off+size > start+n {
			continue
		}
		if m.Name == name || p.named(m.Type, off-start, size, name, depth+1) {
			return true
		}
	}
	return false
}
