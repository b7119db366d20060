package elf64

import "fmt"

// Symbol is one entry of a symbol table. Symbols.Name returns its name.
type Symbol struct {
	NameOff uint32
	Info    uint8
	Other   uint8
	Section SectionIndex
	Value   uint64
	Size    uint64
}

// Bind returns the binding of the symbol.
func (s Symbol) Bind() Bind { return Bind(s.Info >> 4) }

// Type returns the type of the symbol.
func (s Symbol) Type() SymbolType { return SymbolType(s.Info & 15) }

// Visibility returns the visibility of the symbol.
func (s Symbol) Visibility() Visibility { return Visibility(s.Other & 3) }

// Symbols is a symbol table. Entries are decoded when needed.
type Symbols struct {
	Section *Section // of type SHT_SYMTAB or SHT_DYNSYM
	f       *File
	data    []byte
	names   []byte
}

// Symbols opens the symbol table in section s. Errors are *FormatError.
func (f *File) Symbols(s *Section) (*Symbols, error) {
	size := uint64(f.at.symbol)
	if s.EntSize != size {
		return nil, &FormatError{Section: s.Name, Offset: s.Offset,
			Msg: fmt.Sprintf("symbols of %d bytes, want %d", s.EntSize, size)}
	}
	if s.Size%size != 0 {
		return nil, &FormatError{Section: s.Name, Offset: s.Offset,
			Msg: fmt.Sprintf("size %d is not a multiple of the %d bytes of a symbol", s.Size, size)}
	}
	strs, ok := f.Section(s.Link)
	if !ok || s.Link == 0 {
		return nil, &FormatError{Section: s.Name, Offset: s.Offset,
			Msg: fmt.Sprintf("the section of symbol names is %d; there are %d sections",
				s.Link, len(f.Sections))}
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

// Len returns the number of symbols, the null symbol included.
func (t *Symbols) Len() int { return len(t.data) / t.f.at.symbol }

// At returns symbol i; ok is false if there is none.
func (t *Symbols) At(i int) (s Symbol, ok bool) {
	if i < 0 || i >= t.Len() {
		return Symbol{}, false
	}
	at := t.f.at
	b := t.data[i*at.symbol : (i+1)*at.symbol]
	return Symbol{
		NameOff: t.f.u32(b),
		Info:    b[at.stInfo],
		Other:   b[at.stInfo+1],
		Section: SectionIndex(t.f.u16(b[at.stSection:])),
		Value:   t.f.word(b[at.stValue:]),
		Size:    t.f.word(b[at.stSize:]),
	}, true
}

// Name returns the name of a symbol of this table, "" and false if it lies outside the string
// table.
func (t *Symbols) Name(s Symbol) (string, bool) {
	return cstring(t.names, s.NameOff)
}
