package cdump

import (
	"cmp"
	"slices"
	"strings"

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
	hash     uint64 // of a type without a name; others are hashed when their names are equal
}

// sorted returns the ids of types in the order of a sorted header, without those that change
// nothing when their turn comes.
func sorted(spec *btf.Spec) []btf.ID {
	s := sorter{spec: spec}
	var keys []sortKey
	var blank []btf.ID // of the last rank, and equal but for their ids, as most function types
	for id := btf.ID(1); id < spec.Len(); id++ {
		t, _ := spec.Type(id)
		if s.settled(t) {
			continue
		}
		key := sortKey{id: id, rank: s.rank(t, false), sortName: s.sortName(t), name: t.Name()}
		if key.rank == rankRest && key.sortName == "" && key.name == "" {
			if key.hash = s.hash(t, true); key.hash == 0 {
				blank = append(blank, id)
				continue
			}
		}
		keys = append(keys, key)
	}
	slices.SortFunc(keys, s.compare)
	ids := make([]btf.ID, 0, len(keys)+len(blank))
	for i := range keys {
		if keys[i].rank == rankRest && len(blank) > 0 {
			ids = append(ids, blank...)
			blank = nil
		}
		ids = append(ids, keys[i].id)
	}
	return append(ids, blank...)
}

// settled reports whether t declares nothing by itself, and refers at most to what other types of a
// rank before the last declare.
func (s sorter) settled(t btf.Type) bool {
	for range maxChain {
		switch k := t.Kind(); {
		case k == btf.KindFunc, k == btf.KindVar, k == btf.KindDatasec, k == btf.KindDeclTag:
			return true
		case t.NameOff() != 0 || k != btf.KindArray && !refers(k):
			return false
		}
		next, ok := s.target(t)
		switch {
		case !ok:
			return false
		case next.NameOff() != 0 && s.rank(next, false) < rankRest:
			return true
		}
		t = next
	}
	return false
}

func (s sorter) compare(a, b sortKey) int {
	if c := cmp.Compare(a.rank, b.rank); c != 0 {
		return c
	}
	if c := strings.Compare(a.sortName, b.sortName); c != 0 {
		return c
	}
	if c := strings.Compare(a.name, b.name); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(s.hashOf(a), s.hashOf(b)), cmp.Compare(a.id, b.id))
}

func (s sorter) hashOf(k sortKey) uint64 {
	if k.hash != 0 {
		return k.hash
	}
	t, _ := s.spec.Type(k.id)
	return s.hash(t, true)
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

// rank returns the group of a type. named means that a type before it in the chain has a name.
func (s sorter) rank(t btf.Type, named bool) rank {
	for range maxChain {
		named = named || t.NameOff() != 0
		switch k := t.Kind(); {
		case k.IsEnum():
			if named {
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
// and, with members set, their types without their members, or what it refers to.
func (s sorter) hash(t btf.Type, members bool) uint64 { return s.hashWithin(t, members, maxChain) }

func (s sorter) hashWithin(t btf.Type, members bool, depth int) uint64 {
	h := hashName(0, t.Name())
	switch k := t.Kind(); {
	case k.IsEnum():
		for i := range t.Vlen() {
			h = hashName(h, t.Enumerator(i).Name)
		}
	case k.IsComposite() && members:
		for i := range t.Vlen() {
			m := t.Member(i)
			h = hashName(h, m.Name)
			if mt, ok := s.spec.Type(m.Type); ok {
				h = mix(h, s.hash(mt, false))
			}
		}
	case k == btf.KindArray || refers(k):
		if k == btf.KindArray {
			h = mix(h, uint64(t.Array().Nelems))
		}
		if next, ok := s.target(t); ok && depth > 0 {
			h = mix(h, s.hashWithin(next, members, depth-1))
		}
	}
	return h
}
