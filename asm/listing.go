package asm

import (
	"cmp"
	"encoding/binary"
	"io"
	"slices"
	"strconv"
)

// Symbol is a name for an address of a section.
type Symbol struct {
	Name string
	Addr uint64
	Data bool // the symbol is data: the bytes after it are not printed as code
}

// Listing prints the code of one section of a relocatable object as llvm-objdump -d does, byte for
// byte: header, labels, slot numbers, raw bytes, text, labels of jump targets, runs of zeros as
// "...", data symbols as bytes. The code need not be valid.
type Listing struct {
	Section string // name of the section; also the label of its start if no symbol is there
	Addr    uint64 // address of the section, 0 in relocatable objects
	Order   binary.ByteOrder
	Symbols []Symbol // of the section, in any order, without section and file symbols
	NoRaw   bool     // leave out the column of raw bytes (--no-show-raw-insn)

	// Before, if set, appends whole lines (source text) to print before the instruction at a byte
	// offset of the section.
	Before func(dst []byte, off uint64) []byte
	// Comment, if set, appends the comment to print after the text of the instruction at a byte
	// offset and " # ". If it appends nothing, nothing is printed. For ld_imm64 it is called with
	// the first slot; unknown encodings have no comment.
	Comment func(dst []byte, off uint64, insn Instruction) []byte
}

// listingFlush is the size of the text, in bytes, from which it is written to the writer.
const listingFlush = 32 << 10

// listing is the state of one call of WriteCode.
type listing struct {
	*Listing
	code   []byte
	little bool
	out    []byte
	w      io.Writer
	err    error
}

// WriteCode writes the listing of code, the bytes of the section, to w. For empty code it writes
// nothing. The error is w's.
func (l *Listing) WriteCode(w io.Writer, code []byte) error {
	if len(code) == 0 {
		return nil
	}
	l.sortSymbols()
	p := listing{
		Listing: l,
		code:    code,
		little:  isLittle(l.Order),
		w:       w,
		out:     make([]byte, 0, min(listingFlush+512, 64+16*len(code))),
	}
	end := l.Addr + uint64(len(code))
	started := false
	for i := 0; i < len(l.Symbols); {
		// Of all symbols of one address, print the last that is not data, or else the last.
		addr := l.Symbols[i].Addr
		data, shown := true, 0
		for ; i < len(l.Symbols) && l.Symbols[i].Addr == addr; i++ {
			if !l.Symbols[i].Data {
				data, shown = false, i
			} else if data {
				shown = i
			}
		}
		stop := end
		if i < len(l.Symbols) {
			stop = min(stop, l.Symbols[i].Addr)
		}
		if addr < l.Addr || addr >= stop {
			continue
		}
		if !started {
			started = true
			p.out = append(p.out, "\nDisassembly of section "...)
			p.out = append(p.out, l.Section...)
			p.out = append(p.out, ":\n"...)
		}
		p.out = append(p.out, '\n')
		p.out = appendPadded(p.out, addr, 16, 16, '0')
		p.out = append(p.out, " <"...)
		p.out = append(p.out, l.Symbols[shown].Name...)
		p.out = append(p.out, ">:\n"...)
		if data {
			p.data(addr-l.Addr, stop-l.Addr)
		} else {
			p.instructions(addr-l.Addr, stop-l.Addr)
		}
		if p.err != nil {
			return p.err
		}
	}
	p.flush()
	return p.err
}

// sortSymbols sorts the symbols by address and name, and adds one at the start if there is none.
func (l *Listing) sortSymbols() {
	order := func(a, b Symbol) int {
		if c := cmp.Compare(a.Addr, b.Addr); c != 0 {
			return c
		}
		return cmp.Compare(a.Name, b.Name)
	}
	if !slices.IsSortedFunc(l.Symbols, order) {
		l.Symbols = slices.Clone(l.Symbols)
		slices.SortStableFunc(l.Symbols, order)
	}
	i, ok := slices.BinarySearchFunc(l.Symbols, l.Addr, func(s Symbol, addr uint64) int {
		return cmp.Compare(s.Addr, addr)
	})
	if !ok {
		l.Symbols = slices.Insert(slices.Clip(l.Symbols), i, Symbol{Name: l.Section, Addr: l.Addr})
	}
}

// instructions prints the code from off up to end; an ld_imm64 may extend past end.
func (p *listing) instructions(off, end uint64) {
	for off < end && p.err == nil {
		if n := skippableZeros(p.code[off:end]); n > 0 {
			p.out = append(p.out, "\t\t...\n"...)
			off += n
			continue
		}
		off += p.instruction(off)
		if len(p.out) >= listingFlush {
			p.flush()
		}
	}
}

// instruction prints one line and returns the number of code bytes that it covers.
func (p *listing) instruction(off uint64) uint64 {
	if p.Before != nil {
		p.out = p.Before(p.out, off)
	}
	rest := p.code[off:]
	var insn Instruction
	size := uint64(1) // incomplete instructions are printed byte by byte
	ok := false
	if len(rest) >= Size {
		insn = get(rest, p.little)
		switch {
		case insn.Op != OpLdImm64 || insn.Off != 0 || insn.Dst() > R11:
			size = Size
		case len(rest) >= 2*Size:
			size = 2 * Size
		}
	}
	p.out = appendPadded(p.out, (p.Addr+off)/Size, 10, 8, ' ')
	p.out = append(p.out, ':')
	if !p.NoRaw {
		for i, b := range rest[:size] {
			p.out = append(p.out, "\t "[min(i, 1)], hexDigit(b>>4), hexDigit(b&0xf))
		}
	}
	p.out = append(p.out, '\t')
	start := len(p.out)
	switch size {
	case Size:
		p.out, ok = appendText(p.out, insn)
	case 2 * Size:
		p.out, ok = appendLdImm64(p.out, insn, get(rest[Size:], p.little).Imm)
	}
	if !ok {
		p.out = append(p.out[:start], unknown...)
	} else {
		if slots, jumps := insn.JumpDistance(); jumps {
			p.label(p.Addr + off + Size + uint64(int64(slots))*Size)
		}
		if p.Comment != nil {
			p.comment(off, insn)
		}
	}
	p.out = append(p.out, '\n')
	return size
}

// label prints the last symbol at or before target, and the distance from it.
func (p *listing) label(target uint64) {
	i, ok := slices.BinarySearchFunc(p.Symbols, target, func(s Symbol, addr uint64) int {
		if s.Addr <= addr {
			return -1
		}
		return 1
	})
	if ok || i == 0 {
		return
	}
	s := p.Symbols[i-1]
	p.out = append(p.out, " <"...)
	p.out = append(p.out, s.Name...)
	if target != s.Addr {
		p.out = append(p.out, "+0x"...)
		p.out = strconv.AppendUint(p.out, target-s.Addr, 16)
	}
	p.out = append(p.out, '>')
}

func (p *listing) comment(off uint64, insn Instruction) {
	before := len(p.out)
	p.out = append(p.out, " # "...)
	start := len(p.out)
	p.out = p.Comment(p.out, off, insn)
	if len(p.out) == start {
		p.out = p.out[:before]
	}
}

// data prints the bytes of a data symbol, eight per line, in hexadecimal and ASCII.
func (p *listing) data(off, end uint64) {
	for off < end && p.err == nil {
		n := min(end-off, 8)
		p.out = appendPadded(p.out, p.Addr+off, 16, 8, ' ')
		p.out = append(p.out, ':')
		for _, b := range p.code[off : off+n] {
			p.out = append(p.out, ' ', hexDigit(b>>4), hexDigit(b&0xf))
		}
		for range 3*(8-n) + 9 {
			p.out = append(p.out, ' ')
		}
		for _, b := range p.code[off : off+n] {
			if b < 0x20 || b > 0x7e {
				b = '.'
			}
			p.out = append(p.out, b)
		}
		p.out = append(p.out, '\n')
		off += n
		if len(p.out) >= listingFlush {
			p.flush()
		}
	}
}

func (p *listing) flush() {
	if p.err == nil && len(p.out) > 0 {
		_, p.err = p.w.Write(p.out)
	}
	p.out = p.out[:0]
}

// skippableZeros returns the length of the leading run of zeros that a listing shows as "...". It
// is at least 8 and a multiple of 4; shorter runs give 0.
func skippableZeros(code []byte) uint64 {
	n := 0
	for n < len(code) && code[n] == 0 {
		n++
	}
	if n < 8 {
		return 0
	}
	return uint64(n) &^ 3
}

// appendPadded appends v in the given base, padded on the left to width with pad.
func appendPadded(dst []byte, v uint64, base, width int, pad byte) []byte {
	var buf [20]byte
	digits := strconv.AppendUint(buf[:0], v, base)
	for n := len(digits); n < width; n++ {
		dst = append(dst, pad)
	}
	return append(dst, digits...)
}

func hexDigit(b byte) byte { return "0123456789abcdef"[b] }
