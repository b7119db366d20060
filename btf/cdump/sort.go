package cdump

import (
	"cmp"
	"slices"

	"github.com/purebpf/bpf/btf"
)

// # The order of a sorted header
//
// The order makes headers of different kernels comparable: enums first, then integers, structs and
// unions, and function types, each by name. A typedef, pointer, array or qualifier sorts beside
// what it refers to. Types of the same name are ordered by a hash of their contents, which is the
// same in every build, and only then by id.

// rank groups types.
type rank uint8

const (
	rankAnonymousEnum rank = iota
	rankEnum
	rankInt
	rankComposite
	rankFunc
	rankRest
)

type sortKey struct {
	id       btf.ID
	rank     rank
	sortName string
	name     string
	hash     uint64
}

// sorted returns the ids of all types in the order of a sorted header.
func sorted(spec *btf.Spec) []btf.ID {
	s := sorter{spec: spec}
	keys := make([]sortKey, 0, spec.Len())
	for id := btf.ID(1); id < spec.Len(); id++ {
		t, _ := spec.Type(id)
		keys = append(keys, sortKey{
			id: id, rank: s.rank(t, false), sortName: s.sortName(t), name: t.Name(),
			hash: s.hash(t, true),
		})
	}
	slices.SortFunc(keys, func(a, b sortKey) int {
		return cmp.Or(
			cmp.Compare(a.rank, b.rank), cmp.Compare(a.sortName, b.sortName),
			cmp.Compare(a.name, b.name), cmp.Compare(a.hash, b.hash), cmp.Compare(a.id, b.id),
		)
	})
	ids := make([]btf.ID, len(keys))
	for i := range keys {
		ids[i] = keys[i].id
	}
	return ids
}

type sorter struct{ spec *btf.Spec }

// maxChain bounds chains of references.
const maxChain = 64

func refers(k btf.Kind) bool {
	switch k {
	case btf.KindPtr, btf.KindTypedef, btf.KindVolatile, btf.KindConst, btf.KindRestrict,
		btf.KindTypeTag, btf.KindDeclTag:
		return true
	}
	return false
}

// target returns what an array or a reference refers to.
func (s sorter) target(t btf.Type) (btf.Type, bool) {
	id := t.Ref()
	if t.Kind() == btf.KindArray {
		id = t.Array().Elem
	}
	return s.spec.Type(id)
}

// rank returns the group of a type. named tells that a type before it in the chain has a name.
func (s sorter) rank(t btf.Type, named bool) rank {
	for range maxChain {
		named = named || t.NameOff() != 0
		switch k := t.Kind(); {
		case k.IsEnum():
			if t.NameOff() != 0 {
				return rankEnum
			}
			return rankAnonymousEnum
		case k == btf.KindInt || k == btf.KindFloat:
			return rankInt
		case k.IsComposite():
			if named {
				return rankComposite
			}
			return rankRest
		case k == btf.KindFuncProto:
			if named {
				return rankFunc
			}
			return rankRest
		case k == btf.KindArray || refers(k):
			if !named {
				return rankRest
			}
			next, ok := s.target(t)
			if !ok {
				return rankRest
			}
			t = next
		default:
			return rankRest
		}
	}
	return rankRest
}

// sortName returns the name by which a type sorts: that of the type at the end of the chain.
func (s sorter) sortName(t btf.Type) string {
	for i := range maxChain {
		switch k := t.Kind(); {
		case k.IsEnum():
			if t.NameOff() == 0 && i == 0 && t.Vlen() > 0 {
				return t.Enumerator(0).Name
			}
			return t.Name()
		case k == btf.KindArray || refers(k):
			next, ok := s.target(t)
			if !ok {
				return ""
			}
			t = next
		default:
			return t.Name()
		}
	}
	return ""
}

// mix adds a value to a hash.
func mix(hash, value uint64) uint64 { return hash*31 + value }

func hashName(hash uint64, name string) uint64 {
	if name == "" {
		return hash
	}
	h := uint64(0)
	for i := range len(name) {
		h = mix(h, uint64(name[i]))
	}
	return mix(hash, h)
}

// hash returns a hash of a type's contents: its name, its enumerators, the names of its members
// and, with members set, their types without their members.
func (s sorter) hash(t btf.Type, members bool) uint64 {
	h := uint64(0)
	for range maxChain {
		h = hashName(h, t.Name())
		switch k := t.Kind(); {
		case k.IsEnum():
			for i := range t.Vlen() {
				h = hashName(h, t.Enumerator(i).Name)
			}
			return h
		case k.IsComposite():
			if !members {
				return h
			}
			for i := range t.Vlen() {
				m := t.Member(i)
				h = hashName(h, m.Name)
				if mt, ok := s.spec.Type(m.Type); ok {
					h = mix(h, s.hash(mt, false))
				}
			}
			return h
		case k == btf.KindArray || refers(k):
			if k == btf.KindArray {
				h = mix(h, uint64(t.Array().Nelems))
			}
			next, ok := s.target(t)
			if !ok {
				return h
			}
			t = next
		default:
			return h
		}
	}
	return h
}
