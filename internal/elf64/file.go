// Package elf64 reads 64-bit ELF files in either byte order, as far as BPF objects need it:
// sections, symbols and REL relocations. For the programs and libraries to which user-space probes
// attach, it also reads segments and 32-bit files (ReadExecutable). Nothing in the file is trusted:
// every offset and size is checked against the size of the file before it is used, errors name the
// section and the offset in the file, and no allocation exceeds the size of the file by more than
// the size of the section table. It never panics.
//
// Reading is lazy. Parsing reads the ELF header, the section headers and their names; the bytes of
// a section, a symbol or a relocation are read when needed. Names and section data are views of the
// input, so the input must not change while they are in use.
//
// Symbols whose section index does not fit in 16 bits (SHT_SYMTAB_SHNDX) are not resolved: no BPF
// object has 65,280 sections.
package elf64

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"unsafe"

	"github.com/purebpf/bpf/internal/printable"
)

const (
	headerSize        = 64
	sectionHeaderSize = 64
	symbolSize        = 24
	relSize           = 16

	smallFile = 64 << 10 // files up to this size are read at once
	// maxPiece is the limit for files that are read in pieces: they may be sparse, so their size is
	// no limit.
	maxPiece = 1 << 30
)

// class has the positions of the fields of a class of ELF files, in bytes from the start of their
// record. File.word reads fields whose width depends on the class.
type class struct {
	word                                                int // bytes of an address or offset
	header, phoff, shoff, flags, phentsize, shentsize   int
	section, shFlags, shAddr, shOffset, shSize          int
	shLink, shInfo, shAlign, shEntSize                  int
	symbol, stInfo, stSection, stValue, stSize          int
	segment, pFlags, pOffset, pAddr, pFileSize, pMemory int
}

// classes is indexed by e_ident[EI_CLASS].
var classes = [...]class{
	1: {
		word:   4,
		header: 52, phoff: 28, shoff: 32, flags: 36, phentsize: 42, shentsize: 46,
		section: 40, shFlags: 8, shAddr: 12, shOffset: 16, shSize: 20, shLink: 24, shInfo: 28,
		shAlign: 32, shEntSize: 36,
		symbol: 16, stInfo: 12, stSection: 14, stValue: 4, stSize: 8,
		segment: 32, pFlags: 24, pOffset: 4, pAddr: 8, pFileSize: 16, pMemory: 20,
	},
	2: {
		word:   8,
		header: headerSize, phoff: 32, shoff: 40, flags: 48, phentsize: 54, shentsize: 58,
		section: sectionHeaderSize, shFlags: 8, shAddr: 16, shOffset: 24, shSize: 32, shLink: 40,
		shInfo: 44, shAlign: 48, shEntSize: 56,
		symbol: symbolSize, stInfo: 4, stSection: 6, stValue: 8, stSize: 16,
		segment: 56, pFlags: 4, pOffset: 8, pAddr: 16, pFileSize: 32, pMemory: 40,
	},
}

// FormatError says what is wrong with a file and where.
type FormatError struct {
	Section string // "" if the error is not about a section
	Offset  uint64 // in bytes from the start of the file
	Msg     string
}

// Error returns "section NAME: MSG (file offset 0xN)".
func (e *FormatError) Error() string {
	where := ""
	if e.Section != "" {
		where = fmt.Sprintf("section %q: ", e.Section)
	}
	return printable.Text(fmt.Sprintf("%s%s (file offset %#x)", where, e.Msg, e.Offset))
}

// File is one ELF file. One made by Read is not safe for concurrent use.
type File struct {
	Order    binary.ByteOrder // binary.LittleEndian or binary.BigEndian
	Type     Type
	Machine  Machine
	Flags    uint32
	Sections []Section // index 0 is the null section
	Segments []Segment // only from ReadExecutable

	big  bool
	at   *class
	exec bool // opened by ReadExecutable
	size uint64
	raw  []byte      // the whole file, nil if it is read in pieces
	src  io.ReaderAt // nil if raw is the whole file
}

// Section is one section header. File.Data returns its bytes.
type Section struct {
	Name    string
	Index   int
	Type    SectionType
	Link    uint32
	Info    uint32
	Flags   SectionFlags
	Addr    uint64
	Offset  uint64
	Size    uint64
	Align   uint64
	EntSize uint64
	data    []byte
}

// Parse reads the file in raw. It keeps raw, which must not change while the File, or a name or
// data taken from it, is in use. Errors are *FormatError.
func Parse(raw []byte) (*File, error) {
	f := &File{raw: raw, size: uint64(len(raw))}
	if err := f.parse(); err != nil {
		return nil, err
	}
	return f, nil
}

// Read reads a file of size bytes through r, only the parts that are needed: debug information,
// which is most of an object, is not read. A small file is read at once. Errors are *FormatError,
// or wrap an error of r.
func Read(r io.ReaderAt, size int64) (*File, error) {
	if size < 0 {
		return nil, &FormatError{Msg: "negative file size"}
	}
	f := &File{src: r, size: uint64(size)}
	if size <= smallFile {
		raw, err := f.read(0, f.size)
		if err != nil {
			return nil, err
		}
		f.raw, f.src = raw, nil
	}
	if err := f.parse(); err != nil {
		return nil, err
	}
	return f, nil
}

// ReadExecutable is Read for programs and shared libraries: of either class, with segments, with or
// without section headers.
func ReadExecutable(r io.ReaderAt, size int64) (*File, error) {
	if size < 0 {
		return nil, &FormatError{Msg: "negative file size"}
	}
	f := &File{src: r, size: uint64(size), exec: true}
	if err := f.parse(); err != nil {
		return nil, err
	}
	return f, nil
}

// WordSize returns the size of an address in bytes: 4 or 8.
func (f *File) WordSize() int { return f.at.word }

// Size returns the size of the file in bytes.
func (f *File) Size() uint64 { return f.size }

// read returns n bytes at off of the file, as a view if the file is in memory.
func (f *File) read(off, n uint64) ([]byte, error) {
	if off > f.size || n > f.size-off {
		return nil, &FormatError{Offset: off,
			Msg: fmt.Sprintf("%d bytes reach past the end of the file, which has %d", n, f.size)}
	}
	if f.src == nil {
		return f.raw[off : off+n : off+n], nil
	}
	if n > maxPiece {
		return nil, &FormatError{Offset: off,
			Msg: fmt.Sprintf("%d bytes in one piece, more than the limit of %d", n, maxPiece)}
	}
	b := make([]byte, n)
	if k, err := f.src.ReadAt(b, int64(off)); uint64(k) < n {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read %d bytes at file offset %#x: %w", n, off, err)
	}
	return b, nil
}

func (f *File) parse() error {
	short := &FormatError{Msg: fmt.Sprintf("%d bytes are too short for an ELF file", f.size)}
	if f.size < uint64(classes[1].header) {
		return short
	}
	h, err := f.read(0, min(headerSize, f.size))
	if err != nil {
		return err
	}
	if string(h[:4]) != "\x7fELF" {
		return &FormatError{Msg: "no ELF magic number: not an ELF file"}
	}
	switch {
	case h[4] == 2, h[4] == 1 && f.exec:
		f.at = &classes[h[4]]
	case f.exec:
		return &FormatError{Offset: 4,
			Msg: fmt.Sprintf("ELF class %d, want 1 (32 bit) or 2 (64 bit)", h[4])}
	default:
		return &FormatError{Offset: 4, Msg: fmt.Sprintf("ELF class %d, want 2 (64 bit)", h[4])}
	}
	if len(h) < f.at.header {
		return short
	}
	switch h[5] {
	case 1:
		f.Order = binary.LittleEndian
	case 2:
		f.Order, f.big = binary.BigEndian, true
	default:
		return &FormatError{Offset: 5,
			Msg: fmt.Sprintf("ELF data encoding %d, want 1 (little endian) or 2 (big endian)",
				h[5])}
	}
	if h[6] != 1 {
		return &FormatError{Offset: 6, Msg: fmt.Sprintf("ELF version %d, want 1", h[6])}
	}
	f.Type = Type(f.u16(h[16:]))
	f.Machine = Machine(f.u16(h[18:]))
	f.Flags = f.u32(h[f.at.flags:])
	off := f.word(h[f.at.shoff:])
	if !f.exec || off != 0 {
		sizes := h[f.at.shentsize:]
		if err := f.parseSections(off, f.u16(sizes), uint64(f.u16(sizes[2:])),
			uint32(f.u16(sizes[4:]))); err != nil {
			return err
		}
	}
	if !f.exec {
		return nil
	}
	sizes := h[f.at.phentsize:]
	return f.parseSegments(f.word(h[f.at.phoff:]), f.u16(sizes), uint64(f.u16(sizes[2:])))
}

// parseSections reads num section headers of entSize bytes at off. If num or the index of the
// section with the names do not fit in the header, they are in the null section's size and link.
func (f *File) parseSections(off uint64, entSize uint16, num uint64, names uint32) error {
	at := f.at
	if off == 0 {
		return &FormatError{Offset: uint64(at.shoff), Msg: "no section headers"}
	}
	want := uint64(at.section)
	if uint64(entSize) != want {
		return &FormatError{Offset: uint64(at.shentsize),
			Msg: fmt.Sprintf("section headers of %d bytes, want %d", entSize, want)}
	}
	if num == 0 {
		b, err := f.read(off, want)
		if err != nil {
			return err
		}
		num = f.word(b[at.shSize:])
	}
	if off > f.size || num > (f.size-off)/want || num == 0 {
		return &FormatError{Offset: off,
			Msg: fmt.Sprintf("%d section headers do not fit in the file, which has %d bytes",
				num, f.size)}
	}
	b, err := f.read(off, num*want)
	if err != nil {
		return err
	}
	if names == 0xffff { // SHN_XINDEX
		names = f.u32(b[at.shLink:])
	}
	f.Sections = make([]Section, num)
	for i := range f.Sections {
		h := b[i*at.section:]
		f.Sections[i] = Section{
			Index:   i,
			Type:    SectionType(f.u32(h[4:])),
			Flags:   SectionFlags(f.word(h[at.shFlags:])),
			Addr:    f.word(h[at.shAddr:]),
			Offset:  f.word(h[at.shOffset:]),
			Size:    f.word(h[at.shSize:]),
			Link:    f.u32(h[at.shLink:]),
			Info:    f.u32(h[at.shInfo:]),
			Align:   f.word(h[at.shAlign:]),
			EntSize: f.word(h[at.shEntSize:]),
		}
	}
	if names == 0 || uint64(names) >= num {
		return &FormatError{Offset: uint64(at.shentsize) + 4,
			Msg: fmt.Sprintf("the section of section names is %d; there are %d sections",
				names, num)}
	}
	tab, err := f.Data(&f.Sections[names])
	if err != nil {
		return err
	}
	for i := range f.Sections {
		s := &f.Sections[i]
		nameOff := f.u32(b[i*at.section:])
		name, ok := cstring(tab, nameOff)
		if !ok && i > 0 {
			return &FormatError{Offset: off + uint64(i)*want,
				Msg: fmt.Sprintf("name of section %d at %#x is outside the string table of %d "+
					"bytes or has no end", i, nameOff, len(tab))}
		}
		s.Name = name
	}
	return nil
}

// Data returns the bytes of a section, nil if it has none in the file (SHT_NOBITS, SHT_NULL). They
// are a view of the input, or a copy made once if the file is read in pieces.
func (f *File) Data(s *Section) ([]byte, error) {
	if s.data != nil || s.Type == SectionNoBits || s.Type == SectionNull || s.Size == 0 {
		return s.data, nil
	}
	if s.Offset > f.size || s.Size > f.size-s.Offset {
		return nil, &FormatError{Section: s.Name, Offset: s.Offset,
			Msg: fmt.Sprintf("%d bytes reach past the end of the file, which has %d",
				s.Size, f.size)}
	}
	b, err := f.read(s.Offset, s.Size)
	if err != nil {
		return nil, err
	}
	s.data = b
	return b, nil
}

// Section returns the section with index i.
func (f *File) Section(i uint32) (*Section, bool) {
	if uint64(i) >= uint64(len(f.Sections)) {
		return nil, false
	}
	return &f.Sections[i], true
}

// SectionByName returns the first section of that name, nil if there is none.
func (f *File) SectionByName(name string) *Section {
	for i := range f.Sections {
		if f.Sections[i].Name == name {
			return &f.Sections[i]
		}
	}
	return nil
}

func (f *File) u16(b []byte) uint16 {
	if f.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (f *File) u32(b []byte) uint32 {
	if f.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (f *File) u64(b []byte) uint64 {
	if f.big {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

// word reads an address or an offset.
func (f *File) word(b []byte) uint64 {
	if f.at.word == 4 {
		return uint64(f.u32(b))
	}
	return f.u64(b)
}

// cstring returns the NUL-terminated string at off of tab as a view.
func cstring(tab []byte, off uint32) (string, bool) {
	if uint64(off) >= uint64(len(tab)) {
		return "", false
	}
	b := tab[off:]
	n := bytes.IndexByte(b, 0)
	if n <= 0 {
		return "", n == 0
	}
	return unsafe.String(&b[0], n), true
}
