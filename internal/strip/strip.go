// Package strip removes debug information that is not BTF from compiled BPF objects, as llvm-strip
// -g does: DWARF is most of an object, and nobody reads it at run time.
package strip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/purebpf/bpf/internal/elf64"
)

const (
	headerSize  = 64
	sectionSize = 64
	symbolSize  = 24
	relSize     = 16
	infoLink    = 0x40 // SHF_INFO_LINK: sh_info is a section
)

// Debug returns a copy of the relocatable object raw without its .debug sections, their relocations
// and the symbols that only these need. Sections and symbols that stay keep their order and
// contents. It refuses section groups and tables of extended section indices, which clang doesn't
// write for BPF.
func Debug(raw []byte) ([]byte, error) {
	f, err := elf64.Parse(raw)
	if err != nil {
		return nil, err
	}
	s := stripper{file: f, order: f.Order, names: map[string]uint32{"": 0}, strings: []byte{0}}
	for _, step := range []func() error{s.chooseSections, s.chooseSymbols, s.writeSections} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	copy(s.out, raw[:headerSize])
	s.order.PutUint64(s.out[32:], 0) // e_phoff
	s.headers()
	return s.out, nil
}

type stripper struct {
	file  *elf64.File
	order binary.ByteOrder

	sections []uint32 // new index of each section, 0 if it goes
	kept     []*elf64.Section
	symtab   *elf64.Section
	symbols  []uint32 // new index of each symbol, 0 if it goes
	table    []byte   // the new symbol table
	locals   uint32   // index of the first symbol in it that is not local

	names   map[string]uint32 // offsets in strings
	strings []byte
	out     []byte
	offsets []uint64 // of the kept sections' contents in out
	sizes   []uint64
}

func isDebug(name string) bool {
	return strings.HasPrefix(name, ".debug_") || strings.HasPrefix(name, ".rel.debug_")
}

func (s *stripper) chooseSections() error {
	s.sections = make([]uint32, len(s.file.Sections))
	for i := range s.file.Sections {
		sec := &s.file.Sections[i]
		switch sec.Type {
		case elf64.SectionNull, elf64.SectionProgBits, elf64.SectionNoBits, elf64.SectionStrTab,
			elf64.SectionRel, elf64.SectionNote:
		case elf64.SectionSymTab:
			if s.symtab != nil {
				return errors.New("it has two symbol tables")
			}
			s.symtab = sec
		case elf64.SectionLLVMAddrSig: // for linkers that fold equal functions
			continue
		default:
			return fmt.Errorf("section %s has the type %v, which isn't known here", sec.Name,
				sec.Type)
		}
		if isDebug(sec.Name) {
			continue
		}
		s.sections[i] = uint32(len(s.kept))
		s.kept = append(s.kept, sec)
	}
	if s.symtab == nil {
		return errors.New("it has no symbol table")
	}
	return nil
}

// section returns the new index of a section.
func (s *stripper) section(old uint32) (uint32, error) {
	if uint64(old) >= uint64(len(s.sections)) {
		return 0, fmt.Errorf("there is no section %d", old)
	}
	return s.sections[old], nil
}

// chooseSymbols writes the symbols that stay: all but those of sections that go, and the name of
// the source file.
func (s *stripper) chooseSymbols() error {
	const localBind, fileType, reserved = 0, 4, 0xff00
	data, err := s.file.Data(s.symtab)
	if err != nil {
		return err
	}
	list, err := s.file.Symbols(s.symtab)
	if err != nil {
		return err
	}
	s.symbols = make([]uint32, list.Len())
	for i := range s.symbols {
		entry := append([]byte(nil), data[i*symbolSize:(i+1)*symbolSize]...)
		info, index := entry[4], s.order.Uint16(entry[6:])
		if index != 0 && index < reserved {
			to, err := s.section(uint32(index))
			if err != nil {
				return fmt.Errorf("symbol %d: %w", i, err)
			}
			if to == 0 {
				continue
			}
			s.order.PutUint16(entry[6:], uint16(to))
		}
		if info&15 == fileType {
			continue
		}
		symbol, _ := list.At(i)
		name, ok := list.Name(symbol)
		if !ok {
			return fmt.Errorf("symbol %d: its name is outside the string table", i)
		}
		s.order.PutUint32(entry, s.name(name))
		s.symbols[i] = uint32(len(s.table) / symbolSize)
		s.table = append(s.table, entry...)
		if info>>4 == localBind {
			s.locals = s.symbols[i] + 1
		}
	}
	return nil
}

// name returns the offset of a name in the new string table.
func (s *stripper) name(name string) uint32 {
	off, ok := s.names[name]
	if !ok {
		off = uint32(len(s.strings))
		s.names[name] = off
		s.strings = append(append(s.strings, name...), 0)
	}
	return off
}

// relocations rewrites the symbols of a section of relocations.
func (s *stripper) relocations(sec *elf64.Section, data []byte) ([]byte, error) {
	data = append([]byte(nil), data...)
	for off := 0; off+relSize <= len(data); off += relSize {
		info := s.order.Uint64(data[off+8:])
		old := info >> 32
		if old >= uint64(len(s.symbols)) || old != 0 && s.symbols[old] == 0 {
			return nil, fmt.Errorf("section %s: relocation %d refers to symbol %d, which is not "+
				"there or belongs to debug information", sec.Name, off/relSize, old)
		}
		s.order.PutUint64(data[off+8:], uint64(s.symbols[old])<<32|info&0xffffffff)
	}
	return data, nil
}

// writeSections writes the contents of the sections that stay, each at its alignment.
func (s *stripper) writeSections() error {
	for _, sec := range s.kept {
		s.name(sec.Name)
	}
	s.out = make([]byte, headerSize)
	for _, sec := range s.kept {
		data, err := s.file.Data(sec)
		if err != nil {
			return err
		}
		switch sec.Type {
		case elf64.SectionSymTab:
			data = s.table
		case elf64.SectionStrTab:
			data = s.strings
		case elf64.SectionRel:
			if data, err = s.relocations(sec, data); err != nil {
				return err
			}
		}
		if sec.Align > 4096 {
			return fmt.Errorf("section %s wants to be aligned to %d bytes", sec.Name, sec.Align)
		}
		for sec.Align > 1 && uint64(len(s.out))%sec.Align != 0 {
			s.out = append(s.out, 0)
		}
		s.offsets = append(s.offsets, uint64(len(s.out)))
		size := uint64(len(data))
		if sec.Type == elf64.SectionNoBits {
			size = sec.Size
		}
		s.sizes = append(s.sizes, size)
		s.out = append(s.out, data...)
	}
	for len(s.out)%8 != 0 {
		s.out = append(s.out, 0)
	}
	return nil
}

// headers writes the section headers and what the ELF header says of them.
func (s *stripper) headers() {
	at := uint64(len(s.out))
	names := uint16(0)
	for i, sec := range s.kept {
		var h [sectionSize]byte
		if i > 0 {
			link, _ := s.section(sec.Link)
			info := sec.Info
			switch {
			case sec.Type == elf64.SectionSymTab:
				info = s.locals
			case sec.Type == elf64.SectionRel || sec.Flags&infoLink != 0:
				info, _ = s.section(info)
			}
			s.order.PutUint32(h[0:], s.name(sec.Name))
			s.order.PutUint32(h[4:], uint32(sec.Type))
			s.order.PutUint64(h[8:], uint64(sec.Flags))
			s.order.PutUint64(h[16:], sec.Addr)
			s.order.PutUint64(h[24:], s.offsets[i])
			s.order.PutUint64(h[32:], s.sizes[i])
			s.order.PutUint32(h[40:], link)
			s.order.PutUint32(h[44:], info)
			s.order.PutUint64(h[48:], sec.Align)
			s.order.PutUint64(h[56:], sec.EntSize)
			if sec.Type == elf64.SectionStrTab {
				names = uint16(i)
			}
		}
		s.out = append(s.out, h[:]...)
	}
	s.order.PutUint64(s.out[40:], at)
	s.order.PutUint16(s.out[60:], uint16(len(s.kept)))
	s.order.PutUint16(s.out[62:], names)
}
