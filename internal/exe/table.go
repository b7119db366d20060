package exe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unsafe"

	"github.com/purebpf/bpf/internal/elf64"
)

// table is a symbol table of a file.
type table struct {
	*elf64.Symbols
	f       *elf64.File
	dynamic bool
	names   []byte

	// index and versions belong to the dynamic symbols; read is set once they have been read.
	read     bool
	index    []byte
	versions map[uint16]string
}

// table opens the symbol table of a type, nil if the file has none.
func (f *File) table(kind elf64.SectionType) (*table, error) {
	s := f.sectionOf(kind)
	if s == nil {
		return nil, nil
	}
	names, ok := f.Section(s.Link)
	if !ok {
		return nil, &elf64.FormatError{Section: s.Name, Offset: s.Offset,
			Msg: fmt.Sprintf("the section of symbol names is %d; there are %d sections",
				s.Link, len(f.Sections))}
	}
	if s.Size > tableMax || names.Size > tableMax {
		return nil, &elf64.FormatError{Section: s.Name, Offset: s.Offset,
			Msg: fmt.Sprintf("symbols of %d bytes with names of %d, more than the limit of %d",
				s.Size, names.Size, tableMax)}
	}
	symbols, err := f.Symbols(s)
	if err != nil {
		return nil, err
	}
	text, err := f.Data(names)
	if err != nil {
		return nil, err
	}
	return &table{Symbols: symbols, f: f.File, dynamic: kind == elf64.SectionDynSym, names: text},
		nil
}

func (f *File) sectionOf(kind elf64.SectionType) *elf64.Section {
	for i := range f.Sections {
		if f.Sections[i].Type == kind {
			return &f.Sections[i]
		}
	}
	return nil
}

// name returns the name of a symbol, as a view.
func (t *table) name(s elf64.Symbol) ([]byte, bool) {
	if uint64(s.NameOff) >= uint64(len(t.names)) {
		return nil, false
	}
	text := t.names[s.NameOff:]
	n := bytes.IndexByte(text, 0)
	if n <= 0 {
		return nil, false
	}
	return text[:n], true
}

// defined reports whether a symbol is in a section of the file.
func (t *table) defined(s elf64.Symbol) bool {
	return s.Section != elf64.IndexUndef && s.Section < elf64.IndexReserve
}

// function returns the offset in the file of a symbol's function. ok is false if the symbol is not
// a function that is defined in the file.
func (t *table) function(s elf64.Symbol) (offset uint64, ok bool) {
	if s.Type() != elf64.SymbolFunc || !t.defined(s) {
		return 0, false
	}
	section, ok := t.f.Section(uint32(s.Section))
	if !ok || section.Type == elf64.SectionNoBits {
		return 0, false
	}
	offset = s.Value - section.Addr + section.Offset
	return offset, offset != 0 && offset < t.f.Size()
}

// version returns the version of symbol i, "" if it has none, and whether it is hidden, so that a
// bare name means another one.
func (t *table) version(i int) (text string, hidden bool) {
	if !t.dynamic {
		s, _ := t.At(i)
		name, _ := t.name(s)
		at := bytes.IndexByte(name, '@')
		if at < 0 {
			return "", false
		}
		text = unsafe.String(&name[at], len(name)-at)[1:]
		if after, ok := strings.CutPrefix(text, "@"); ok {
			return after, false
		}
		return text, true
	}
	if !t.read {
		t.read = true
		t.readVersions()
	}
	if len(t.index) < 2*(i+1) {
		return "", false
	}
	n := t.u16(t.index[2*i:])
	hidden = n&0x8000 != 0
	n &= 0x7fff
	return t.versions[n], hidden && n >= verIndexFirst
}

const (
	verdefSize    = 20 // Elf64_Verdef, the same in 32-bit files
	verdauxSize   = 8
	verIndexFirst = 2 // 0 and 1 are local and global, without a version
)

// readVersions reads .gnu.version (an index for each dynamic symbol) and .gnu.version_d (the
// versions that this file defines, a chain). It leaves out malformed parts.
func (t *table) readVersions() {
	f := &File{File: t.f}
	index, defs := f.sectionOf(elf64.SectionVerSym), f.sectionOf(elf64.SectionVerDef)
	if index == nil || defs == nil || index.Size > tableMax || defs.Size > tableMax {
		return
	}
	chain, err := f.Data(defs)
	if err != nil {
		return
	}
	strs, ok := f.Section(defs.Link)
	if !ok || strs.Size > tableMax {
		return
	}
	names, err := f.Data(strs)
	if err != nil {
		return
	}
	if t.index, err = f.Data(index); err != nil {
		t.index = nil
		return
	}
	t.versions = map[uint16]string{}
	at := uint64(0)
	for range len(chain) / verdefSize {
		if at+verdefSize > uint64(len(chain)) {
			return
		}
		def := chain[at:]
		n := t.u16(def[4:]) & 0x7fff
		aux, next := at+uint64(t.u32(def[12:])), uint64(t.u32(def[16:]))
		if aux+verdauxSize <= uint64(len(chain)) && n >= verIndexFirst {
			if name := uint64(t.u32(chain[aux:])); name < uint64(len(names)) {
				text, _, ok := bytes.Cut(names[name:], []byte{0})
				if ok && t.versions[n] == "" {
					t.versions[n] = string(text)
				}
			}
		}
		if next == 0 {
			return
		}
		at += next
	}
}

func (t *table) u16(b []byte) uint16 {
	if t.f.Order == binary.ByteOrder(binary.BigEndian) {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (t *table) u32(b []byte) uint32 {
	if t.f.Order == binary.ByteOrder(binary.BigEndian) {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}
