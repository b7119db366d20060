package records

import (
	"github.com/purebpf/bpf/btf"
)

// found is a type that lies at the beginning of a record.
type found struct {
	id btf.ID
}

// typesAt returns the types that lie at an offset of a region and have the size of a record.
func (m *machine) typesAt(cells []int32, region, off int32, size value) (list []found) {
	spec := m.o.BTF
	if spec == nil {
		return nil
	}
	p := m.parts(spec)
	add := func(id btf.ID, at int64) {
		if id == 0 || int64(off) < at {
			return
		}
		sized := p.sized(id, uint64(int64(off)-at), size)
		if len(sized) == 0 && int64(off) == at && p.beginning(id, size) {
			sized = []btf.ID{id}
		}
		for _, f := range sized {
			list = append(list, found{unqualified(spec, f)})
		}
	}
	switch r := &m.regions[region]; r.kind {
	case regionValue:
		add(r.m.ValueType, 0)
	case regionData:
		for _, v := range r.m.Vars {
			if int64(v.Offset) <= int64(off) && int64(off) < int64(v.Offset)+int64(v.Size) {
				add(v.Type, int64(v.Offset))
			}
		}
	}
	for _, i := range cells {
		if c := &m.cells[i]; c.kind == cellTyped && c.region == region && !c.varies {
			add(c.typ, int64(c.off))
		}
	}
	return list
}

// sized returns what lies at an offset of a type and has the size of a record: exactly, or up to
// an array at its end.
func (p *parts) sized(id btf.ID, off uint64, size value) []btf.ID {
	lo, hi := size.bounds()
	if lo == hi {
		if list := p.within(id, off, lo, 0, nil); len(list) > 0 {
			return list[:1] // the outermost
		}
	}
	n, err := p.spec.SizeOf(id)
	if off != 0 || err != nil {
		return nil
	}
	start, flexible, ok := tail(p.spec, id)
	if ok && (flexible || lo <= n) && hi >= start {
		return []btf.ID{id}
	}
	return nil
}

// beginning reports whether a record may be the first part of a type: all members up to one, or a
// part whose size varies.
func (p *parts) beginning(id btf.ID, size value) bool {
	lo, hi := size.bounds()
	n, err := p.spec.SizeOf(id)
	t := p.spec.Skip(id)
	if err != nil || hi > n || t.Kind() != btf.KindStruct {
		return false
	}
	for i := 1; i < t.Vlen(); i++ {
		if m := t.Member(i); lo == hi && uint64(m.BitOffset) == 8*lo && m.BitSize == 0 {
			return true
		}
	}
	return lo < hi
}

// typesOf returns the types that a record may have by the evidence, without those that what the
// programs store contradicts.
func (m *machine) typesOf(e *emit) (list []btf.ID) {
	if e.at.kind != pointer || e.at.flags&fixed == 0 {
		return nil
	}
	for _, f := range m.typesAt(e.cells, e.at.ref, e.at.off, e.size) {
		if !m.contradicted(m.o.BTF, e, f.id) {
			list = append(list, f.id)
		}
	}
	return m.outermost(m.o.BTF, list)
}

// outermost removes types that are mentioned twice, and those that are the whole of another.
func (m *machine) outermost(spec *btf.Spec, list []btf.ID) (kept []btf.ID) {
	p := m.parts(spec)
	for i, id := range list {
		size, err := spec.SizeOf(id)
		if err != nil {
			continue
		}
		drop := false
		for j, other := range list {
			same := spec.Skip(id).ID() == spec.Skip(other).ID()
			if j == i || same && j > i {
				continue
			}
			if same {
				drop = true
				break
			}
			if n, err := spec.SizeOf(other); err == nil && n == size &&
				p.holds(other, id, size, 0) && (j < i || !p.holds(id, other, size, 0)) {
				drop = true
				break
			}
		}
		if !drop {
			kept = append(kept, id)
		}
	}
	return kept
}

// holds reports whether a type of some size begins with another of the same size.
func (p *parts) holds(id, inside btf.ID, size uint64, depth int) bool {
	t := p.spec.Skip(id)
	if p.steps++; p.steps > maxParts || depth > maxNesting || !t.Kind().IsComposite() {
		return false
	}
	for i := range t.Vlen() {
		m := t.Member(i)
		n, err := p.spec.SizeOf(m.Type)
		if err != nil || n != size || m.BitOffset != 0 {
			continue
		}
		if p.spec.Skip(m.Type).ID() == p.spec.Skip(inside).ID() ||
			p.holds(m.Type, inside, size, depth+1) {
			return true
		}
	}
	return false
}

func (m *machine) parts(spec *btf.Spec) *parts { return &parts{spec: spec, total: &m.asked} }

// contradicted reports whether a program stores something in a record that can't be a member of a
// type.
func (m *machine) contradicted(spec *btf.Spec, e *emit, id btf.ID) bool {
	p := m.parts(spec)
	for _, i := range e.cells {
		c := &m.cells[i]
		off, width := int64(c.off)-int64(e.at.off), int64(c.width)
		if c.kind != cellStore {
			width = int64(c.size)
		}
		if c.kind == cellTyped || c.varies || width == 0 || off < 0 {
			continue
		}
		if n, err := spec.SizeOf(id); err != nil || uint64(off) >= n {
			continue // behind the record: another variable
		}
		if !p.ask() {
			return true
		}
		f := p.fitOf(id, uint64(off), uint64(width), 0)
		var wrong bool
		switch {
		case c.kind == cellString:
			wrong = !p.text(id, uint64(off), 0)
		case c.kind == cellBytes, c.val.flags&(loaded|masked) != 0, c.val.kind == dynptr:
			wrong = f == contradicts
		case c.val.isConst() && c.val.lo == 0:
		case c.val.isConst():
			wrong = f == contradicts
		default:
			wrong = f != matches
		}
		if wrong {
			return true
		}
	}
	return false
}

// text reports whether an array of bytes lies at an offset of a type.
func (p *parts) text(id btf.ID, off uint64, depth int) bool {
	if p.steps++; p.steps > maxParts || depth > maxNesting {
		return false
	}
	t := p.spec.Skip(id)
	switch {
	case t.Kind().IsComposite():
		for i := range t.Vlen() {
			m := t.Member(i)
			n, err := p.spec.SizeOf(m.Type)
			start := uint64(m.BitOffset / 8)
			flexible := err == nil && n == 0 && i == t.Vlen()-1
			if err == nil && start <= off && (off-start < n || flexible) &&
				p.text(m.Type, off-start, depth+1) {
				return true
			}
		}
	case t.Kind() == btf.KindArray:
		a := t.Array()
		n, err := p.spec.SizeOf(a.Elem)
		if err != nil || n == 0 {
			return false
		}
		return n == 1 || p.text(a.Elem, off%n, depth+1)
	}
	return t.Kind() == btf.KindInt && t.Size() == 1
}
