package btf

import "sync/atomic"

// offsets finds the records of a Spec's own types. Of large BTF, it has the offset of every 32nd
// type only: writing all 127 thousand of the kernel's would touch more memory than all else that a
// load needs of them.
type offsets struct {
	list   []uint32 // of own types; of every 32nd if sparse isn't nil
	n      int      // types
	sparse *sparse
	rows   *[kindMax + 1]kindRow // sizes of records, for sparse
}

// sparse is what offsets of large BTF have in addition.
type sparse struct {
	lookups atomic.Uint32
	all     atomic.Pointer[[]uint32] // offsets of all own types, nil until they are worth it
}

const (
	sparseStep  = 32
	sparseBytes = 1 << 20 // of the smallest BTF whose offsets are sparse
	// maxSparse is how often offsets are looked up before a complete table is made: programs that
	// load objects take a few hundred, those that print all types a million.
	maxSparse = 1 << 15
)

// allOffsets returns a table of all offsets.
func allOffsets(list []uint32) offsets {
	return offsets{list: list[:len(list):len(list)], n: len(list)}
}

// offset returns the offset of own type i, which exists.
func (s *Spec) offset(i int) uint32 {
	if s.offs.sparse == nil {
		return s.offs.list[i]
	}
	return s.sparseOffset(i)
}

func (s *Spec) sparseOffset(i int) uint32 {
	if all := s.offs.sparse.all.Load(); all != nil {
		return (*all)[i]
	}
	if s.offs.sparse.lookups.Add(1) > maxSparse {
		return s.offsetList()[i]
	}
	off := s.offs.list[i/sparseStep]
	for range i % sparseStep {
		off += s.recordSize(off)
	}
	return off
}

// after returns the offset of the type behind own type i, which is at off: the end of the section
// behind the last one.
func (s *Spec) after(i int, off uint32) uint32 {
	switch {
	case s.offs.sparse != nil:
		return off + s.recordSize(off)
	case i+1 < s.offs.n:
		return s.offs.list[i+1]
	}
	return uint32(len(s.types))
}

// recordSize returns the size of the record at off, as walk found it.
func (s *Spec) recordSize(off uint32) uint32 {
	info := host.Uint32(s.types[off+4:])
	row := &s.offs.rows[info>>24&kindMax]
	return uint32(row.size) + info&maxVlen*uint32(row.elem)
}

// offsetList returns the offsets of all own types, and keeps them for later lookups.
func (s *Spec) offsetList() []uint32 {
	if s.offs.sparse == nil {
		return s.offs.list[:s.offs.n:s.offs.n]
	}
	if all := s.offs.sparse.all.Load(); all != nil {
		return *all
	}
	list := make([]uint32, s.offs.n)
	for i, off := 0, uint32(0); i < s.offs.n; i, off = i+1, off+s.recordSize(off) {
		list[i] = off
	}
	s.offs.sparse.all.Store(&list)
	return list
}
