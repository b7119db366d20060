// Package typesum computes a checksum of the memory layout of a C type. A generated skeleton
// contains the sums of the types that it was generated from, with which it detects that its object
// was compiled again with other types.
package typesum

import (
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/object"
)

// Limits for anonymous types in anonymous types; what lies beyond doesn't change the sum.
const (
	maxDepth = 32
	maxSteps = 1 << 16
)

// sum is FNV-1a of 64 bits.
type sum struct {
	spec  *btf.Spec
	n     uint64
	steps int
}

func start(s *btf.Spec) *sum { return &sum{spec: s, n: 14695981039346656037, steps: maxSteps} }

func (h *sum) word(w uint64) {
	for range 8 {
		h.n = (h.n ^ w&0xff) * 1099511628211
		w >>= 8
	}
}

func (h *sum) text(s string) {
	for i := range len(s) {
		h.n = (h.n ^ uint64(s[i])) * 1099511628211
	}
	h.word(uint64(len(s)))
}

// Type returns the sum of a struct, union or enum: names, offsets and types of its members, or
// names and values of its constants. Of a named type in it only the name and the size count, which
// has a sum of its own; of a pointer, nothing but that it is one.
func Type(s *btf.Spec, id btf.ID) uint64 {
	h := start(s)
	h.composite(s.Skip(id), 0)
	return h.n
}

// Variables returns the sum of the global variables of a section: names, offsets and types. Those
// without a size don't count: skeletons don't have them.
func Variables(s *btf.Spec, vars []*object.Variable) uint64 {
	h := start(s)
	for _, v := range vars {
		if v.Static || v.Size == 0 {
			continue
		}
		h.text(v.Name)
		h.word(uint64(v.Offset)<<32 | uint64(v.Size))
		h.use(v.Type, 0)
	}
	return h.n
}

// Map returns the sum of a map's type and the types of its keys and values.
func Map(s *btf.Spec, m *object.Map) uint64 {
	h := start(s)
	h.word(uint64(m.Type))
	h.word(uint64(m.KeySize)<<32 | uint64(m.ValueSize))
	if s != nil {
		h.use(m.KeyType, 0)
		h.use(m.ValueType, 0)
	}
	return h.n
}

func (h *sum) composite(t btf.Type, depth int) {
	h.word(uint64(t.Kind()))
	h.word(uint64(t.Size()))
	h.word(uint64(t.Vlen()))
	for i := range t.Vlen() {
		if h.steps--; h.steps < 0 {
			return
		}
		if t.Kind().IsEnum() {
			e := t.Enumerator(i)
			h.text(e.Name)
			h.word(uint64(e.Value))
			continue
		}
		m := t.Member(i)
		h.text(m.Name)
		h.word(uint64(m.BitOffset)<<32 | uint64(m.BitSize))
		h.use(m.Type, depth+1)
	}
}

// use adds a type as the type of something.
func (h *sum) use(id btf.ID, depth int) {
	t := h.spec.Skip(id)
	h.word(uint64(t.Kind()))
	switch k := t.Kind(); {
	case depth > maxDepth:
	case k == btf.KindInt:
		h.word(uint64(t.Size())<<32 | uint64(t.IntOffset())<<16 | uint64(t.IntBits())<<8 |
			uint64(t.IntEncoding()))
	case k == btf.KindFloat:
		h.word(uint64(t.Size()))
	case k == btf.KindArray:
		a := t.Array()
		h.word(uint64(a.Nelems))
		h.use(a.Elem, depth+1)
	case k.IsComposite(), k.IsEnum():
		if t.Name() != "" {
			h.text(t.Name())
			h.word(uint64(t.Size()))
			return
		}
		h.composite(t, depth)
	}
}
