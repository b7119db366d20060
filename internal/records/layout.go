package records

import (
	"math"

	"github.com/purebpf/bpf/btf"
)

// maxNesting limits how deep types are searched, and maxParts how many members are looked at for
// one question.
const (
	maxNesting = 16
	maxParts   = 1 << 12
	maxTotal   = 1 << 22 // over all questions about an object
)

// parts walks the members of types.
type parts struct {
	spec  *btf.Spec
	steps int // of this question
	total *int
}

// ask begins a question. It reports whether there may be one more: without limit, an object with
// many stores and large types would take long.
func (p *parts) ask() bool {
	*p.total += p.steps
	p.steps = 0
	return *p.total < maxTotal
}

// within returns the types of exactly size bytes that lie at an offset of a type, the outermost
// first.
func (p *parts) within(id btf.ID, off, size uint64, depth int, found []btf.ID) []btf.ID {
	if p.steps++; p.steps > maxParts || depth > maxNesting {
		return found
	}
	n, err := p.spec.SizeOf(id)
	if err != nil || off > n || size > n-off {
		return found
	}
	t := p.spec.Skip(id)
	if off == 0 && size == n && t.Kind() != btf.KindArray {
		return append(found, id)
	}
	switch {
	case t.Kind().IsComposite():
		for i := range t.Vlen() {
			m := t.Member(i)
			start := uint64(m.BitOffset / 8)
			if m.BitSize != 0 || m.BitOffset%8 != 0 || start > off {
				continue
			}
			found = p.within(m.Type, off-start, size, depth+1, found)
		}
	case t.Kind() == btf.KindArray:
		a := t.Array()
		if e, err := p.spec.SizeOf(a.Elem); err == nil && e > 0 {
			found = p.within(a.Elem, off%e, size, depth+1, found)
		}
	}
	return found
}

// tail returns the offset of the array at the end of a struct, of which records may have only a
// part, and whether there is one.
func tail(spec *btf.Spec, id btf.ID) (off uint64, flexible, ok bool) {
	t := spec.Skip(id)
	if t.Kind() != btf.KindStruct || t.Vlen() == 0 {
		return 0, false, false
	}
	last := t.Member(t.Vlen() - 1)
	array := spec.Skip(last.Type)
	if array.Kind() != btf.KindArray || last.BitSize != 0 {
		return 0, false, false
	}
	return uint64(last.BitOffset / 8), array.Array().Nelems == 0, true
}

// fit is how a piece of memory agrees with a type.
type fit uint8

const (
	contradicts fit = iota // it ends within a member, or begins there
	covers                 // it covers several members
	padding                // nothing lies there
	matches                // it is one member, or one element of an array
)

// fitOf says how width bytes at an offset agree with a type.
func (p *parts) fitOf(id btf.ID, off, width uint64, depth int) fit {
	if p.steps++; p.steps > maxParts || depth > maxNesting {
		return contradicts
	}
	size, err := p.spec.SizeOf(id)
	if err != nil || off > size || width > size-off {
		return contradicts
	}
	t := p.spec.Skip(id)
	if off == 0 && width == size {
		return matches
	}
	switch {
	case t.Kind() == btf.KindInt && size == 16 && off%8 == 0 && width <= 8:
		return matches // there are no stores of 16 bytes; sources copy IPv4 addresses into these
	case t.Kind() == btf.KindStruct:
		return p.fitMembers(t, off, width, depth)
	case t.Kind() == btf.KindUnion:
		best := contradicts
		for i := range t.Vlen() {
			m := t.Member(i)
			if f := p.fitOf(m.Type, off, width, depth+1); f > best {
				best = f
			}
		}
		return best
	case t.Kind() == btf.KindArray:
		e, err := p.spec.SizeOf(t.Array().Elem)
		switch {
		case err != nil || e == 0:
			return contradicts
		case e == 1:
			return matches
		case off/e == (off+width-1)/e:
			return p.fitOf(t.Array().Elem, off%e, width, depth+1)
		case off%e == 0 && width%e == 0:
			return covers
		}
	}
	return contradicts
}

func (p *parts) fitMembers(t btf.Type, off, width uint64, depth int) fit {
	result := padding
	bits, end := off*8, (off+width)*8
	for i := range t.Vlen() {
		if p.steps++; p.steps > maxParts {
			return contradicts
		}
		m := t.Member(i)
		if m.BitSize != 0 {
			// Compilers write bit fields with stores of any width that covers them.
			if uint64(m.BitOffset) < end && uint64(m.BitOffset)+uint64(m.BitSize) > bits {
				result = covers
			}
			continue
		}
		n, err := p.spec.SizeOf(m.Type)
		start := uint64(m.BitOffset)
		if err != nil || n == 0 || n > math.MaxUint32 || start >= end || start+8*n <= bits {
			continue
		}
		switch {
		case start <= bits && start+8*n >= end:
			return p.fitOf(m.Type, (bits-start)/8, width, depth+1)
		case start >= bits && start+8*n <= end:
			result = covers
		default:
			// Its end or its beginning is inside of a member, which may be divided further.
			lo, hi := max(bits, start), min(end, start+8*n)
			if f := p.fitOf(m.Type, (lo-start)/8, (hi-lo)/8, depth+1); f == contradicts {
				return contradicts
			}
			result = covers
		}
	}
	return result
}
