package btf

// dedupStrings returns the strings that types and .BTF.ext use, each once, in the order of their
// first use.
func (d *dedup) dedupStrings() stringPool {
	s := d.spec
	p := stringPool{first: s.strFirst, data: make([]byte, 0, len(s.strs))}
	if s.base == nil {
		p.data = append(p.data, 0)
	}
	m := stringMap{from: s, base: s.base, to: p.add, budget: stringBudget(s)}
	for i, off := range d.offs {
		end := len(d.types)
		if i+1 < len(d.offs) {
			end = int(d.offs[i+1])
		}
		eachString(d.types[off:end], m.replace)
	}
	if d.ext != nil {
		d.ext.eachString(m.replace)
	}
	if m.err != nil && d.err == nil {
		d.err = m.err
	}
	return p
}

// stringMap changes offsets of strings of one Spec to offsets in others.
type stringMap struct {
	from *Spec
	base *Spec // where strings are looked up first, or nil
	to   func(text string) uint32
	// known has the new offsets of own strings of from, by their offset; 0 is unknown
	known  []uint32
	budget int // bytes of strings that are left
	err    error
}

// stringBudget returns how many bytes of strings may be copied from s. Names may start in the
// middle of others, so that there could be far more than in s.
func stringBudget(s *Spec) int { return 4*len(s.strs) + 64<<10 }

// replace changes the offset at w. Those of base's strings stay.
func (m *stringMap) replace(w []byte) {
	off := host.Uint32(w)
	if off == 0 || off < m.from.strFirst || m.err != nil {
		return
	}
	if m.known == nil {
		m.known = make([]uint32, len(m.from.strs))
	}
	i := off - m.from.strFirst
	known := &m.known[i]
	if *known == 0 {
		text := wholeString(m.from.strs[i:])
		if text == "" {
			host.PutUint32(w, 0)
			return
		}
		if m.budget -= len(text); m.budget < 0 {
			m.err = &FormatError{Section: "strings", Offset: uint64(i),
				Msg: "names overlap: as strings of their own they take too much space",
				Err: ErrTooBig}
			return
		}
		ok := false
		if m.base != nil {
			*known, ok = m.base.findString(text)
		}
		if !ok {
			*known = m.to(text)
		}
	}
	host.PutUint32(w, *known)
}
