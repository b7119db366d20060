package exe

import (
	"bytes"

	"github.com/purebpf/bpf/internal/elf64"
)

const (
	dynamicSoname = 14 // DT_SONAME
	// dynamicMax limits the dynamic section and its strings, which are read into memory.
	dynamicMax = 1 << 24
)

// Soname returns the dynamic linker's name for a library (DT_SONAME), whatever its file name; "" if
// it has none.
func (f *File) Soname() string {
	s := f.sectionOf(elf64.SectionDynamic)
	if s == nil || s.Size > dynamicMax {
		return ""
	}
	entries, err := f.Data(s)
	names, ok := f.Section(s.Link)
	if err != nil || !ok || names.Size > dynamicMax {
		return ""
	}
	text, err := f.Data(names)
	if err != nil {
		return ""
	}
	word := func(b []byte) uint64 { return f.Order.Uint64(b) }
	size := f.WordSize()
	if size == 4 {
		word = func(b []byte) uint64 { return uint64(f.Order.Uint32(b)) }
	}
	for ; len(entries) >= 2*size; entries = entries[2*size:] {
		if word(entries) != dynamicSoname {
			continue
		}
		at := word(entries[size:])
		if at >= uint64(len(text)) {
			return ""
		}
		name, _, _ := bytes.Cut(text[at:], []byte{0})
		return string(name)
	}
	return ""
}
