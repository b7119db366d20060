// Package hostile makes files that no compiler makes, for tests of how much work and memory a few
// bytes can request.
package hostile

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/purebpf/bpf/internal/elf64"
)

// File is an ELF file that no compiler makes: little endian, for BPF.
type File struct {
	Sections []Section // section 1 and up
	Symbols  []Symbol  // symbol 1 and up
}

type Section struct {
	Name       string
	Type       elf64.SectionType
	Flags      elf64.SectionFlags
	Data       []byte
	Size       uint64 // 0 for the length of Data
	Link, Info uint32
	EntSize    uint64
	Overlay    int // number of another section whose data this one shares
}

type Symbol struct {
	Name        string
	Bind        elf64.Bind
	Type        elf64.SymbolType
	Section     uint16
	Value, Size uint64
}

// Bytes returns the file: header, data of sections, symbols, strings, section headers.
func (f *File) Bytes() []byte {
	le := binary.LittleEndian
	strs, known := []byte{0}, map[string]uint32{"": 0}
	str := func(s string) uint32 {
		if _, ok := known[s]; !ok {
			known[s] = uint32(len(strs))
			strs = append(append(strs, s...), 0)
		}
		return known[s]
	}
	symtab := make([]byte, 24)
	for _, s := range f.Symbols {
		symtab = le.AppendUint32(symtab, str(s.Name))
		symtab = append(symtab, byte(s.Bind)<<4|byte(s.Type), 0)
		symtab = le.AppendUint16(symtab, s.Section)
		symtab = le.AppendUint64(symtab, s.Value)
		symtab = le.AppendUint64(symtab, s.Size)
	}
	n := uint32(len(f.Sections))
	all := append(slices.Clone(f.Sections),
		Section{Name: ".symtab", Type: elf64.SectionSymTab, Data: symtab, Link: n + 2, EntSize: 24},
		Section{Name: ".strtab", Type: elf64.SectionStrTab})
	for _, s := range all {
		str(s.Name)
	}
	all[len(all)-1].Data = strs

	out := make([]byte, 64)
	offsets := make([]uint64, len(all))
	for i, s := range all {
		for len(out)%8 != 0 {
			out = append(out, 0)
		}
		offsets[i] = uint64(len(out))
		if s.Overlay != 0 {
			offsets[i] = offsets[s.Overlay-1]
		}
		out = append(out, s.Data...)
	}
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	shoff := len(out)
	out = append(out, make([]byte, 64)...)
	for i, s := range all {
		size := s.Size
		if size == 0 {
			size = uint64(len(s.Data))
		}
		out = le.AppendUint32(out, str(s.Name))
		out = le.AppendUint32(out, uint32(s.Type))
		out = le.AppendUint64(out, uint64(s.Flags))
		out = le.AppendUint64(out, 0)
		out = le.AppendUint64(out, offsets[i])
		out = le.AppendUint64(out, size)
		out = le.AppendUint32(out, s.Link)
		out = le.AppendUint32(out, s.Info)
		out = le.AppendUint64(out, 8)
		out = le.AppendUint64(out, s.EntSize)
	}
	copy(out, "\x7fELF\x02\x01\x01")
	le.PutUint16(out[16:], 1)
	le.PutUint16(out[18:], 247)
	le.PutUint32(out[20:], 1)
	le.PutUint64(out[40:], uint64(shoff))
	le.PutUint16(out[52:], 64)
	le.PutUint16(out[58:], 64)
	le.PutUint16(out[60:], uint16(len(all)+1))
	le.PutUint16(out[62:], uint16(len(all)))
	return out
}

// Rel encodes relocations.
func Rel(pairs ...[2]uint64) []byte {
	var b bytes.Buffer
	for _, p := range pairs {
		binary.Write(&b, binary.LittleEndian, p[0])
		binary.Write(&b, binary.LittleEndian, p[1]<<32|1)
	}
	return b.Bytes()
}
