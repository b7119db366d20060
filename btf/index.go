package btf

import "math/bits"

// nameIndex is a hash table over the essential names of a Spec's own types. heads[hash] is the lowest own type of a chain, next[i] the one after
// own type i; both count from 1, 0 ends a chain. Chains ascend.
type nameIndex struct {
	heads []uint32
	next  []uint32
	shift uint8
}

func newNameIndex(s *Spec) *nameIndex {
	width := bits.Len(uint(len(s.offs)))
	x := &nameIndex{
		heads: make([]uint32, 1<<width),
		next:  make([]uint32, len(s.offs)),
		shift: uint8(64 - width),
	}
	for i := len(s.offs) - 1; i >= 0; i-- {
		nameOff := host.Uint32(s.types[s.offs[i]:])
		if nameOff == 0 {
			continue
		}
		name := s.str(nameOff)
		if name == "" {
			continue
		}
		slot := x.slot(EssentialName(name))
		x.next[i] = x.heads[slot]
		x.heads[slot] = uint32(i + 1)
	}
	return x
}

func (x *nameIndex) slot(name string) uint64 { return hashName(name, x.shift) }

// hashName hashes eight bytes at a time and keeps the topmost bits.
func hashName(name string, shift uint8) uint64 {
	const k = 0x9e3779b97f4a7c15
	h := uint64(len(name))
	for ; len(name) >= 8; name = name[8:] {
		w := uint64(name[0]) | uint64(name[1])<<8 | uint64(name[2])<<16 | uint64(name[3])<<24 |
			uint64(name[4])<<32 | uint64(name[5])<<40 | uint64(name[6])<<48 | uint64(name[7])<<56
		h = (bits.RotateLeft64(h, 5) ^ w) * k
	}
	var w uint64
	for i := 0; i < len(name); i++ {
		w |= uint64(name[i]) << (8 * i)
	}
	h = (bits.RotateLeft64(h, 5) ^ w) * k
	return (h ^ h>>29) * k >> shift
}

// lookup lists the own types whose essential name is name, ascending.
func (x *nameIndex) lookup(s *Spec, name string) []ID {
	var ids []ID
	for i := x.heads[x.slot(name)]; i != 0; i = x.next[i-1] {
		got := s.str(host.Uint32(s.types[s.offs[i-1]:]))
		if EssentialName(got) == name {
			ids = append(ids, s.first+ID(i-1))
		}
	}
	return ids
}
