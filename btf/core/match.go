package core

import "github.com/purebpf/bpf/btf"

// match looks for the access of local in a candidate and stores the result in s. It returns false
// if the candidate does not have it, and an error if the candidate cannot be compared (it has no
// size, or nests too deep).
func (s *spec) match(local *spec, c candidate, steps *budget) (bool, error) {
	s.reset(c.spec, c.id, local.kind)
	switch local.kind.class() {
	case classType:
		if local.kind == TypeMatches {
			return typesMatch(local.btf, local.root, c.spec, c.id, false, maxDepth, steps)
		}
		return compatible(local.btf, local.root, c.spec, c.id, maxDepth, steps)
	case classEnumval:
		return s.matchEnumerator(local.acc[0].name, c.spec.Skip(c.id), steps)
	}

	id := c.id
	for i := range local.n {
		acc := &local.acc[i]
		t := c.spec.Skip(id)
		if acc.name != "" {
			lt, _ := local.btf.Type(acc.typ)
			found, err := s.matchMember(acc.name, t, steps)
			if !found || err != nil {
				return false, err
			}
			id = s.member().Type
			ok, err := fieldsCompatible(local.btf, lt.Member(int(acc.idx)).Type, c.spec, id, steps)
			if !ok || err != nil {
				return false, err
			}
			continue
		}
		// The first index is into an imaginary array of the root type.
		if i > 0 {
			if t.Kind() != btf.KindArray {
				return false, nil
			}
			a := t.Array()
			if acc.idx >= a.Nelems && !isFlexible(c.spec, s.acc[s.n-1], a) {
				return false, nil
			}
			t = c.spec.Skip(a.Elem)
		}
		id = t.ID()
		if s.nraw == maxSpecLen {
			return false, errTooDeep()
		}
		s.push(accessor{typ: id, idx: acc.idx})
		s.pushRaw(acc.idx)
		size, err := c.spec.SizeOf(id)
		if err != nil {
			return false, errorf(einval, "target %s has no size: %v", typeText(t), err)
		}
		if err := s.advance(acc.idx, size); err != nil {
			return false, err
		}
	}
	return true, nil
}

// member returns the member that the last accessor names.
func (s *spec) member() btf.Member {
	last := s.acc[s.n-1]
	t, _ := s.btf.Type(last.typ)
	return t.Member(int(last.idx))
}

// matchEnumerator looks for an enumerator with this essential name.
func (s *spec) matchEnumerator(name string, t btf.Type, steps *budget) (bool, error) {
	if !t.Kind().IsEnum() {
		return false, nil
	}
	if err := steps.spend(t.Vlen()); err != nil {
		return false, err
	}
	for i := range t.Vlen() {
		if n := t.Enumerator(i).Name; namesMatch(name, n) {
			s.push(accessor{t.ID(), uint32(i), n})
			s.pushRaw(uint32(i))
			return true, nil
		}
	}
	return false, nil
}

// matchMember looks for the member name in t and in its unnamed members, in order. The first member
// with the name decides, whatever its type: C has one name space per struct.
func (s *spec) matchMember(name string, t btf.Type, steps *budget) (bool, error) {
	if !t.Kind().IsComposite() {
		return false, nil
	}
	for i := range t.Vlen() {
		if err := steps.spend(1); err != nil {
			return false, err
		}
		if s.nraw == maxSpecLen {
			return false, errorf(e2big, "target %s nests deeper than %d levels",
				typeText(t), maxSpecLen)
		}
		m := t.Member(i)
		if m.Name != "" && m.Name != name {
			continue
		}
		s.bits += uint64(m.BitOffset)
		s.pushRaw(uint32(i))
		if m.Name != "" {
			s.push(accessor{t.ID(), uint32(i), m.Name})
			return true, nil
		}
		if found, err := s.matchMember(name, s.btf.Skip(m.Type), steps); found || err != nil {
			return found, err
		}
		s.bits -= uint64(m.BitOffset)
		s.nraw--
	}
	return false, nil
}
