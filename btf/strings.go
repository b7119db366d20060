package btf

import (
	"math/bits"
	"strings"
)

// stringIndex finds strings of a Spec by their text, for Builders of BTF split over it. Chains are
// as in nameIndex, entries are offsets of the strings' starts.
type stringIndex struct {
	heads []uint32 // entry number, from 1
	next  []uint32
	offs  []uint32
	shift uint8
}

func newStringIndex(strs string) *stringIndex {
	n := 0
	for i := 1; i < len(strs); i++ {
		if strs[i] == 0 && strs[i-1] != 0 {
			n++
		}
	}
	width := bits.Len(uint(n))
	x := &stringIndex{
		heads: make([]uint32, 1<<width),
		next:  make([]uint32, 0, n),
		offs:  make([]uint32, 0, n),
		shift: uint8(64 - width),
	}
	for off := 0; off < len(strs); {
		s := wholeString(strs[off:])
		if s == "" {
			off++
			continue
		}
		h, _ := hashName(s)
		slot := h >> x.shift
		x.next = append(x.next, x.heads[slot])
		x.offs = append(x.offs, uint32(off))
		x.heads[slot] = uint32(len(x.offs))
		off += len(s) + 1
	}
	return x
}

// wholeString cuts s at its first NUL.
func wholeString(s string) string { return s[:max(0, strings.IndexByte(s, 0))] }

// findString returns the offset of a string in the spec or its bases (libbpf: btf__find_str).
func (s *Spec) findString(text string) (uint32, bool) {
	if s.base != nil {
		if off, ok := s.base.findString(text); ok {
			return off, true
		}
	}
	if text == "" || s.strs == "" {
		return 0, text == ""
	}
	s.stringsOnce.Do(func() { s.strings = newStringIndex(s.strs) })
	x := s.strings
	h, _ := hashName(text)
	best, ok := uint32(0), false
	for e := x.heads[h>>x.shift]; e != 0; e = x.next[e-1] {
		if at := s.strs[x.offs[e-1]:]; len(at) > len(text) && at[len(text)] == 0 &&
			at[:len(text)] == text {
			// chains descend: the first of equal strings comes last
			best, ok = s.strFirst+x.offs[e-1], true
		}
	}
	return best, ok
}
