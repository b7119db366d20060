package elf64

import "fmt"

// SegmentType is the type of a segment (p_type).
type SegmentType uint32

// SegmentLoad (PT_LOAD) is a segment that is mapped into memory.
const SegmentLoad SegmentType = 1

// SegmentFlags say how a segment may be used (p_flags).
type SegmentFlags uint32

const (
	SegmentExec  SegmentFlags = 1 // PF_X
	SegmentWrite SegmentFlags = 2 // PF_W
	SegmentRead  SegmentFlags = 4 // PF_R
)

// Segment is one program header: a part of the file that is mapped into memory.
type Segment struct {
	Type     SegmentType
	Flags    SegmentFlags
	Offset   uint64 // in the file
	Addr     uint64 // in memory
	FileSize uint64
	MemSize  uint64
}

// Holds reports whether an address is in the segment's memory.
func (s *Segment) Holds(addr uint64) bool { return addr >= s.Addr && addr-s.Addr < s.MemSize }

// parseSegments reads num program headers of entSize bytes at off. If num does not fit in the
// header, it is in the null section's info.
func (f *File) parseSegments(off uint64, entSize uint16, num uint64) error {
	at := f.at
	if off == 0 || num == 0 {
		return nil
	}
	want := uint64(at.segment)
	if uint64(entSize) != want {
		return &FormatError{Offset: uint64(at.phentsize),
			Msg: fmt.Sprintf("program headers of %d bytes, want %d", entSize, want)}
	}
	if num == 0xffff && len(f.Sections) > 0 { // PN_XNUM
		num = uint64(f.Sections[0].Info)
	}
	if off > f.size || num > (f.size-off)/want {
		return &FormatError{Offset: off,
			Msg: fmt.Sprintf("%d program headers do not fit in the file, which has %d bytes",
				num, f.size)}
	}
	b, err := f.read(off, num*want)
	if err != nil {
		return err
	}
	f.Segments = make([]Segment, num)
	for i := range f.Segments {
		h := b[i*at.segment:]
		f.Segments[i] = Segment{
			Type:     SegmentType(f.u32(h)),
			Flags:    SegmentFlags(f.u32(h[at.pFlags:])),
			Offset:   f.word(h[at.pOffset:]),
			Addr:     f.word(h[at.pAddr:]),
			FileSize: f.word(h[at.pFileSize:]),
			MemSize:  f.word(h[at.pMemory:]),
		}
	}
	return nil
}
