package btf

// offsets finds the records of a Spec's own types. Of large BTF, it has the offset of every fourth
// type only: writing all 127 thousand of the kernel's would touch more memory than all else that a
// load needs of them.
type offsets struct {
	list  []uint32 // list[i] is the offset of own type i<<shift
	n     int      // types
	shift uint8
	rows  *[kindMax + 1]kindRow // sizes of records; not used if shift is 0
}

const (
	sparseShift = 2
	sparseBytes = 1 << 20 // of the smallest BTF whose offsets are sparse
)

// allOffsets returns a table of all offsets.
func allOffsets(list []uint32) offsets {
	return offsets{list: list[:len(list):len(list)], n: len(list)}
}

// offset returns the offset of own type i, which exists.
func (s *Spec) offset(i int) uint32 {
	if s.offs.shift == 0 {
		return s.offs.list[i]
	}
	off := s.offs.list[i>>sparseShift]
	for range i & (1<<sparseShift - 1) {
		off += s.recordSize(off)
	}
	return off
}

// after returns the offset of the type behind own type i, which is at off: the end of the section
// behind the last one.
func (s *Spec) after(i int, off uint32) uint32 {
	switch {
	case s.offs.shift != 0:
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

// offsetList returns the offsets of all own types.
func (s *Spec) offsetList() []uint32 {
	if s.offs.shift == 0 {
		return s.offs.list[:s.offs.n:s.offs.n]
	}
	list := make([]uint32, 0, s.offs.n)
	for i, off := 0, uint32(0); i < s.offs.n; i, off = i+1, s.after(i, off) {
		list = append(list, off)
	}
	return list
}
