package elf64

import "fmt"

// Rel is one relocation without addend.
type Rel struct {
	Offset uint64 // in bytes, in the section that is relocated
	Symbol uint32 // index into the symbol table
	Type   uint32
}

// Rels is a section of type SHT_REL. Entries are decoded when needed.
type Rels struct {
	Section *Section
	f       *File
	data    []byte
}

// Rels opens the relocations in section s. Errors are *FormatError.
func (f *File) Rels(s *Section) (*Rels, error) {
	if s.EntSize != relSize {
		return nil, &FormatError{Section: s.Name, Offset: s.Offset,
			Msg: fmt.Sprintf("relocations of %d bytes, want %d", s.EntSize, relSize)}
	}
	if s.Size%relSize != 0 {
		return nil, &FormatError{Section: s.Name, Offset: s.Offset,
			Msg: fmt.Sprintf("size %d is not a multiple of the %d bytes of a relocation",
				s.Size, relSize)}
	}
	data, err := f.Data(s)
	if err != nil {
		return nil, err
	}
	return &Rels{Section: s, f: f, data: data}, nil
}

// Len returns the number of relocations.
func (t *Rels) Len() int { return len(t.data) / relSize }

// At returns relocation i, which must be less than Len.
func (t *Rels) At(i int) Rel {
	b := t.data[i*relSize : (i+1)*relSize]
	info := t.f.u64(b[8:])
	return Rel{Offset: t.f.u64(b), Symbol: uint32(info >> 32), Type: uint32(info)}
}
