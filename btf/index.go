package btf

import "math/bits"

// nameIndex is a hash table over the essential names of a Spec's own types, functions or all
// others. heads[hash] is the lowest own type of a chain, next[i] the one after own type i; both
// count from 1, 0 ends a chain. Chains ascend.
type nameIndex struct {
	heads []uint32
	next  []uint32
	shift uint8
}

func newNameIndex(s *Spec, funcs bool) *nameIndex {
	width := bits.Len(uint(s.offs.n))
	x := &nameIndex{
		heads: make([]uint32, 1<<width),
		next:  make([]uint32, s.offs.n),
		shift: uint8(64 - width),
	}
	offs := s.offsetList()
	for i := len(offs) - 1; i >= 0; i-- {
		nameOff, kind := s.head(offs[i])
		if nameOff == 0 || (kind == KindFunc) != funcs {
			continue
		}
		rest := s.text(nameOff)
		if len(rest) > maxName {
			rest = rest[:maxName]
		}
		h, flavour := hashName(rest)
		if flavour {
			h, _ = hashName(EssentialName(cstring(rest)))
		}
		slot := h >> x.shift
		x.next[i] = x.heads[slot]
		x.heads[slot] = uint32(i + 1)
	}
	return x
}

// hashName hashes text up to its end or first NUL, eight bytes at a time; the topmost bits are the
// best. flavour reports three consecutive underscores, after which the essential name may end
// earlier.
func hashName(text string) (h uint64, flavour bool) {
	const k = 0x9e3779b97f4a7c15
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	var before, three uint64
	for {
		w := word64(text)
		end := (w - ones) & ^w & tops
		if end != 0 {
			w &= (end&-end)>>7 - 1
		}
		h = (bits.RotateLeft64(h, 5) ^ w) * k
		u := underscores(w)
		three |= u & (u<<8 | before>>56) & (u<<16 | before>>48)
		before = u
		if end != 0 {
			return h ^ h>>29*k, three != 0
		}
		text = text[8:]
	}
}

// underscores returns a word with the top bit set in each byte that is '_'.
func underscores(w uint64) uint64 {
	const low = 0x7f7f7f7f7f7f7f7f
	w ^= 0x5f5f5f5f5f5f5f5f
	return ^((w&low + low) | w | low)
}

// lookup returns the own types with the essential name name, ascending.
func (x *nameIndex) lookup(s *Spec, name string) []ID {
	h, _ := hashName(name)
	want := newWantedName(name)
	var ids []ID
	for i := x.heads[h>>x.shift]; i != 0; i = x.next[i-1] {
		if want.isEssential(s.text(host.Uint32(s.types[s.offset(int(i-1)):]))) {
			ids = append(ids, s.first+ID(i-1))
		}
	}
	return ids
}
