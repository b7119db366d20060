package elf64

import "fmt"

// Symbol is one entry of a symbol table. Its name comes from Symbols.Name.
type Symbol struct {
	NameOff uint32
	Info    uint8
	Other   uint8
	Section SectionIndex
	Value   uint64
	Size    uint64
}

// Bind is the binding of the symbol.
func (s Symbol) Bind() Bind { return Bind(s.Info >> 4) }

// Type is the type of the symbol.
func (s Symbol) Type() SymbolType { return SymbolType(s.Info & 15) }

// Visibility is the visibility of the symbol.
func (s Symbol) Visibility() Visibility { return Visibility(s.Other & 3) }

// Symbols is a symbol table. Entries are decoded when asked for.
type Symbols struct {
	Section *Section // of type SHT_SYMTAB
	f       *File
	data    []byte
	names   []byte
}

// Symbols opens the symbol table in section s. Errors are *FormatError.
func (f *File) Symbols(s *Section) (*Symbols, error) {
	if s.EntSize != symbolSize {
		return nil, &FormatError{Section: s.Name, Offset: s.Offset, Msg: fmt.Sprintf("symbols of %d bytes, want %d", s.EntSize, symbolSize)}
	}
	if s.Size%symbolSize != 0 {
		return nil, &FormatError{Section: s.Name, Offset: s.Offset, Msg: fmt.Sprintf("size %d is no multiple of the %d bytes of a symbol", s.Size, symbolSize)}
	}
	strs, ok := f.Section(s.Link)
	if !ok || s.Link == 0 {
		return nil, &FormatError{Section: s.Name, Offset: s.Offset, Msg: fmt.Sprintf("symbol names are said to be in section %d; there are %d sections", s.Link, len(f.Sections))}
	}
	t := &Symbols{Section: s, f: f}
	var err error
	if t.data, err = f.Data(s); err != nil {
		return nil, err
	}
	if t.names, err = f.Data(strs); err != nil {
		return nil, err
	}
	return t, nil
}

// Len is the number of symbols, the null symbol included.
func (t *Symbols) Len() int { return len(t.data) / symbolSize }

// At returns symbol i; ok is false if there is none.
func (t *Symbols) At(i int) (s Symbol, ok bool) {
	if i < 0 || i >= t.Len() {
		return Symbol{}, false
	}
	b := t.data[i*symbolSize : (i+1)*symbolSize]
	return Symbol{
		NameOff: t.f.u32(b),
		Info:    b[4],
		Other:   b[5],
		Section: SectionIndex(t.f.u16(b[6:])),
		Value:   t.f.u64(b[8:]),
		Size:    t.f.u64(b[16:]),
	}, true
}

// Name returns the name of a symbol of this table, "" and false if it lies outside the string table.
func (t *Symbols) Name(s Symbol) (string, bool) {
	return cstring(t.names, s.NameOff)
}
