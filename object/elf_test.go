package object_test

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/purebpf/bpf/internal/elf64"
)

// elfFile writes ELF files that no compiler makes: little endian, for BPF.
type elfFile struct {
	sections []elfSection // section 1 and up
	symbols  []elfSymbol  // symbol 1 and up
}

type elfSection struct {
	name       string
	typ        elf64.SectionType
	flags      elf64.SectionFlags
	data       []byte
	size       uint64 // 0: that of data
	link, info uint32
	entSize    uint64
	overlay    int // data is that of this section instead
}

type elfSymbol struct {
	name        string
	bind        elf64.Bind
	typ         elf64.SymbolType
	section     uint16
	value, size uint64
}

// bytes lays the file out: header, data of sections, symbols, strings, section headers.
func (f *elfFile) bytes() []byte {
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
	for _, s := range f.symbols {
		symtab = le.AppendUint32(symtab, str(s.name))
		symtab = append(symtab, byte(s.bind)<<4|byte(s.typ), 0)
		symtab = le.AppendUint16(symtab, s.section)
		symtab = le.AppendUint64(symtab, s.value)
		symtab = le.AppendUint64(symtab, s.size)
	}
	n := uint32(len(f.sections))
	all := append(slices.Clone(f.sections),
		elfSection{name: ".symtab", typ: elf64.SectionSymTab, data: symtab, link: n + 2, entSize: 24},
		elfSection{name: ".strtab", typ: elf64.SectionStrTab})
	for _, s := range all {
		str(s.name)
	}
	all[len(all)-1].data = strs

	out := make([]byte, 64)
	offsets := make([]uint64, len(all))
	for i, s := range all {
		for len(out)%8 != 0 {
			out = append(out, 0)
		}
		offsets[i] = uint64(len(out))
		if s.overlay != 0 {
			offsets[i] = offsets[s.overlay-1]
		}
		out = append(out, s.data...)
	}
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	shoff := len(out)
	out = append(out, make([]byte, 64)...)
	for i, s := range all {
		size := s.size
		if size == 0 {
			size = uint64(len(s.data))
		}
		out = le.AppendUint32(out, str(s.name))
		out = le.AppendUint32(out, uint32(s.typ))
		out = le.AppendUint64(out, uint64(s.flags))
		out = le.AppendUint64(out, 0)
		out = le.AppendUint64(out, offsets[i])
		out = le.AppendUint64(out, size)
		out = le.AppendUint32(out, s.link)
		out = le.AppendUint32(out, s.info)
		out = le.AppendUint64(out, 8)
		out = le.AppendUint64(out, s.entSize)
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

// rel encodes relocations.
func rel(pairs ...[2]uint64) []byte {
	var b bytes.Buffer
	for _, p := range pairs {
		binary.Write(&b, binary.LittleEndian, p[0])
		binary.Write(&b, binary.LittleEndian, p[1]<<32|1)
	}
	return b.Bytes()
}
