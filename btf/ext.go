package btf

import (
	"fmt"
	"math/bits"
	"sort"
)

const (
	extHeaderMin  = 24 // up to line_info_len
	extHeaderCore = 32 // with core_relo_off, core_relo_len
	extSecHead    = 8  // sec_name_off, num_info
)

// Ext is .BTF.ext read in place: for each ELF section of code, the functions and source lines of
// its instructions, and its CO-RE relocations (libbpf: struct btf_ext). Sections are in file order.
// It never changes.
type Ext struct {
	Func, Line, Core             []ExtSection
	FuncSize, LineSize, CoreSize uint32 // bytes of one record, 0 if there are none
	raw                          []byte
	data                         []byte // raw in host byte order: raw itself, or a converted copy
	swapped                      bool
}

// ExtSection holds the records of one kind for one ELF section, in host byte order.
type ExtSection struct {
	Name    string // of the ELF section; "" if the offset is outside the strings
	NameOff uint32
	Count   int
	size    uint32 // bytes of one record
	data    []byte
}

// FuncInfo gives the function that starts at an instruction. InsnOff counts bytes from the start of
// the ELF section.
type FuncInfo struct {
	InsnOff uint32
	Type    ID // a FUNC
}

// LineInfo gives the source line of an instruction. InsnOff counts bytes from the start of the ELF
// section; file name and text are offsets for [Spec.Name].
type LineInfo struct {
	InsnOff     uint32
	FileNameOff uint32
	LineOff     uint32
	LineCol     uint32
}

// Line returns the line number.
func (l LineInfo) Line() uint32 { return l.LineCol >> 10 }

// Column returns the column number, from 1.
func (l LineInfo) Column() uint32 { return l.LineCol & 0x3ff }

// CoreRelo is one CO-RE relocation record. InsnOff counts bytes from the start of the ELF section,
// AccessOff is an offset for [Spec.Name].
type CoreRelo struct {
	InsnOff   uint32
	Type      ID
	AccessOff uint32
	Kind      uint32
}

// ParseExt reads .BTF.ext (libbpf: btf_ext__new). s, which may be nil, supplies the names of
// sections. raw is kept and must not change; if it is in the other byte order it is converted to a
// copy. Errors are of type [*FormatError].
func ParseExt(raw []byte, s *Spec) (*Ext, error) {
	p := extParser{data: raw, spec: s}
	x := &Ext{raw: raw}
	if err := p.header(); err != nil {
		return nil, err
	}
	x.data, x.swapped = p.data, p.swapped
	for _, seg := range []struct {
		name     string
		head     int // position of offset and length in the header
		min      uint32
		sections *[]ExtSection
		size     *uint32
	}{
		{"func_info", 8, 8, &x.Func, &x.FuncSize},
		{"line_info", 16, 16, &x.Line, &x.LineSize},
		{"core_relo", 24, 16, &x.Core, &x.CoreSize},
	} {
		if seg.head+8 > int(p.hdrLen) {
			break
		}
		if err := p.segment(seg.name, seg.head, seg.min, seg.sections, seg.size); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// Raw returns the section as passed to [ParseExt].
func (x *Ext) Raw() []byte { return x.raw }

type extParser struct {
	data    []byte
	spec    *Spec
	hdrLen  uint32
	swapped bool
}

func (p *extParser) header() error {
	fail := func(off int, err error, format string, args ...any) error {
		return &FormatError{Section: ".BTF.ext header", Offset: uint64(off),
			Msg: fmt.Sprintf(format, args...), Err: err}
	}
	if len(p.data) < 8 {
		return fail(0, nil, "%d bytes, a header takes at least %d", len(p.data), extHeaderMin)
	}
	m := host.Uint16(p.data)
	p.hdrLen = host.Uint32(p.data[4:])
	switch m {
	case magic:
	case magicSwap:
		p.swapped = true
		p.hdrLen = bits.ReverseBytes32(p.hdrLen)
	default:
		return fail(0, ErrBadMagic, "magic is %#04x instead of %#04x", m, magic)
	}
	switch {
	case p.data[2] != 1:
		return fail(2, nil, "version %d instead of 1", p.data[2])
	case p.data[3] != 0:
		return fail(3, nil, "unknown flags %#x", p.data[3])
	case uint64(p.hdrLen) > uint64(len(p.data)):
		return fail(4, nil, "header length is %d of %d bytes", p.hdrLen, len(p.data))
	case p.hdrLen < extHeaderMin:
		return fail(4, nil, "header length is %d, at least %d are needed", p.hdrLen, extHeaderMin)
	case uint64(p.hdrLen) == uint64(len(p.data)):
		return fail(4, nil, "no data after the header")
	}
	if p.swapped {
		d := append(make([]byte, 0, len(p.data)), p.data...)
		host.PutUint16(d, magic)
		swapWords(d[4:])
		p.data = d
	}
	return nil
}

// segment reads one of the three tables: a record size, then sections of {name offset, count,
// records}.
func (p *extParser) segment(name string, head int, least uint32, sections *[]ExtSection,
	size *uint32) error {
	off, length := host.Uint32(p.data[head:]), host.Uint32(p.data[head+4:])
	if length == 0 {
		return nil
	}
	body := p.data[p.hdrLen:]
	pos := uint64(off)
	fail := func(format string, args ...any) error {
		return &FormatError{Section: ".BTF.ext " + name, Offset: pos - uint64(off),
			Msg: fmt.Sprintf(format, args...)}
	}
	end := pos + uint64(length)
	switch {
	case off%4 != 0:
		return fail("starts at %d, not a multiple of 4", off)
	case end > uint64(len(body)):
		return fail("ends at %d of %d bytes", end, len(body))
	case length < 4:
		return fail("%d bytes, no room for the record size", length)
	}
	rec := host.Uint32(body[pos:])
	switch {
	case rec < least || rec%4 != 0:
		return fail("record size is %d, at least %d and a multiple of 4 is needed", rec, least)
	case p.swapped && rec != least:
		return fail("record size is %d, with foreign byte order only %d can be read", rec, least)
	}
	pos += 4
	if pos == end {
		return fail("no records")
	}
	count := 0
	for start := pos; pos < end; count++ {
		left := end - pos
		if left < extSecHead {
			return fail("%d bytes left, a section takes at least %d", left, extSecHead)
		}
		records := host.Uint32(body[pos+4:])
		n := uint64(records) * uint64(rec)
		switch {
		case records == 0:
			return fail("a section without records")
		case n > left-extSecHead:
			return fail("%d records of %d bytes do not fit into %d bytes",
				records, rec, left-extSecHead)
		}
		if pos += extSecHead + n; pos == end {
			*sections = p.sections(body[start:end], rec, count+1)
		}
	}
	*size = rec
	return nil
}

// sections returns views of a segment's sections, which have been checked and counted.
func (p *extParser) sections(body []byte, rec uint32, count int) []ExtSection {
	list := make([]ExtSection, count)
	for i := range list {
		s := &list[i]
		s.NameOff, s.Count, s.size = host.Uint32(body), int(host.Uint32(body[4:])), rec
		n := s.Count * int(rec)
		s.data = body[extSecHead : extSecHead+n : extSecHead+n]
		if p.spec != nil {
			s.Name = p.spec.str(s.NameOff)
		}
		body = body[extSecHead+n:]
	}
	return list
}

// Raw returns the i-th record, whatever its size. It must not be changed.
func (e ExtSection) Raw(i int) []byte {
	at := i * int(e.size)
	return e.data[at : at+int(e.size) : at+int(e.size)]
}

// Records returns the bytes of records i to j-1. They must not be changed.
func (e ExtSection) Records(i, j int) []byte {
	return e.data[i*int(e.size) : j*int(e.size) : j*int(e.size)]
}

// InsnOff returns the offset of the i-th record's instruction, in bytes from the start of the ELF
// section.
func (e ExtSection) InsnOff(i int) uint32 { return host.Uint32(e.data[i*int(e.size):]) }

// First returns the index of the first record at or after an instruction, Count if there is none.
// Records are in ascending order, as all compilers and linkers write them.
func (e ExtSection) First(insnOff uint32) int {
	return sort.Search(e.Count, func(i int) bool { return e.InsnOff(i) >= insnOff })
}

// FuncInfo returns the i-th record of a section in [Ext.Func].
func (e ExtSection) FuncInfo(i int) FuncInfo {
	r := e.Raw(i)
	return FuncInfo{InsnOff: host.Uint32(r), Type: ID(host.Uint32(r[4:]))}
}

// LineInfo returns the i-th record of a section in [Ext.Line].
func (e ExtSection) LineInfo(i int) LineInfo {
	r := e.Raw(i)
	return LineInfo{
		InsnOff:     host.Uint32(r),
		FileNameOff: host.Uint32(r[4:]),
		LineOff:     host.Uint32(r[8:]),
		LineCol:     host.Uint32(r[12:]),
	}
}

// FuncInfos reads records of struct bpf_func_info in host byte order, of size bytes each, at least
// 8. It ignores what it doesn't know at their ends.
func FuncInfos(raw []byte, size uint32) []FuncInfo {
	return records(raw, size, 8, ExtSection.FuncInfo)
}

// LineInfos reads records of struct bpf_line_info likewise, of at least 16 bytes.
func LineInfos(raw []byte, size uint32) []LineInfo {
	return records(raw, size, 16, ExtSection.LineInfo)
}

func records[T any](raw []byte, size, least uint32, read func(ExtSection, int) T) []T {
	if size < least {
		return nil
	}
	section := ExtSection{Count: len(raw) / int(size), size: size, data: raw}
	list := make([]T, section.Count)
	for i := range list {
		list[i] = read(section, i)
	}
	return list
}

// CoreRelo returns the i-th record of a section in [Ext.Core].
func (e ExtSection) CoreRelo(i int) CoreRelo {
	r := e.Raw(i)
	return CoreRelo{
		InsnOff:   host.Uint32(r),
		Type:      ID(host.Uint32(r[4:])),
		AccessOff: host.Uint32(r[8:]),
		Kind:      host.Uint32(r[12:]),
	}
}
