// Package objdump lists the code of compiled BPF objects: the output of llvm-objdump -d, byte for
// byte, followed on each line by a comment with what the object itself says about the instruction:
// names of helpers, kfuncs, subprograms, maps, variables and externs, and CO-RE relocations. It
// accepts any ELF file for the BPF machine, including those that no loader accepts.
package objdump

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/magic"
	"github.com/purebpf/bpf/internal/printable"
)

// Options changes what is listed. The zero value lists code, raw bytes and comments.
type Options struct {
	// Source adds lines of source text before the instructions compiled from them, from .BTF.ext
	// (llvm-objdump -S).
	Source     bool
	NoRaw      bool // no column of raw bytes (--no-show-raw-insn)
	NoComments bool // no comments: exactly llvm-objdump's output

	// Warn, if set, is called with what is missing from the listing: unreadable BTF, relocations or
	// symbols.
	Warn func(text string)
}

// object is a file to be listed.
type object struct {
	Options
	file    *elf64.File
	symbols *elf64.Symbols // nil if there are none
	named   [][]symbol     // by section, sorted by address and name
	// relocs are the sections of relocations, by index of the section that they apply to
	relocs map[uint32][]*elf64.Section
	spec   *btf.Spec                 // nil if there is none
	lines  map[string][]btf.LineInfo // by name of the section, sorted by offset
	core   map[string][]btf.CoreRelo // like lines
	kfuncs map[string]bool           // functions that the kernel supplies
}

// Limits on parts of a listing, so that its size stays proportional to the file's even if the file
// repeats one long string everywhere.
const (
	longestName = 1024 // of a symbol; also of a comment
	longestLine = 4096 // of source text
)

// Write lists the object in the file raw. name is the file's name in the output. An error is either
// about raw (an *elf64.FormatError, or because it is not a BPF object), and nothing was written, or
// about w.
func Write(w io.Writer, name string, raw []byte, opts *Options) error {
	o := &object{}
	if opts != nil {
		o.Options = *opts
	}
	var err error
	if what := magic.Object(raw[:min(len(raw), magic.HeadSize)]); what != "" {
		return errors.New(what)
	}
	if o.file, err = elf64.Parse(raw); err != nil {
		return err
	}
	if m := o.file.Machine; m != elf64.MachineBPF {
		return fmt.Errorf("ELF machine %d, want %d: not a BPF object", m, elf64.MachineBPF)
	}
	if err := o.survey(uint64(len(raw))); err != nil {
		return err
	}
	o.readSymbols()
	if o.Source || !o.NoComments {
		o.readBTF()
	}
	if o.Source && !o.hasSource() {
		o.warn(errors.New("there are no source lines: .BTF.ext has no line records with text"))
	}
	if _, err := fmt.Fprintf(w, "\n%s:\tfile format elf64-bpf\n",
		printable.Text(name)); err != nil {
		return err
	}
	source := sourceLines{spec: o.spec}
	for i := range o.file.Sections {
		s := &o.file.Sections[i]
		if s.Flags&elf64.FlagExec == 0 || s.Type == elf64.SectionNoBits || s.Size == 0 {
			continue
		}
		code, err := o.file.Data(s)
		if err != nil {
			return err
		}
		l := asm.Listing{Section: printable.Text(s.Name[:min(len(s.Name), longestName)]),
			Addr: s.Addr, Order: o.file.Order, Symbols: o.labels(i), NoRaw: o.NoRaw}
		if o.Source {
			source.lines = o.lines[s.Name]
			l.Before = source.before
		}
		if !o.NoComments {
			c := o.comments(s)
			l.Comment = func(dst []byte, off uint64, insn asm.Instruction) []byte {
				return printable.Tail(c.comment(dst, off, insn), len(dst))
			}
		}
		if err := l.WriteCode(w, code); err != nil {
			return err
		}
	}
	return nil
}

// survey finds the relocations. It refuses files whose sections of code and relocations overlap,
// which no compiler writes: their listing could be arbitrarily larger than the file.
func (o *object) survey(size uint64) error {
	o.relocs = map[uint32][]*elf64.Section{}
	for i := range o.file.Sections {
		s := &o.file.Sections[i]
		if s.Type == elf64.SectionRel {
			o.relocs[s.Info] = append(o.relocs[s.Info], s)
		}
		if s.Type != elf64.SectionRel &&
			(s.Flags&elf64.FlagExec == 0 || s.Type == elf64.SectionNoBits) {
			continue
		}
		if s.Size > size {
			return &elf64.FormatError{Section: s.Name, Offset: s.Offset,
				Msg: "the sections of code and relocations together are larger than the file: " +
					"they overlap"}
		}
		size -= s.Size
		if _, err := o.file.Data(s); err != nil {
			return err
		}
	}
	return nil
}

// symbol is a symbol with a name that denotes a place in a section.
type symbol struct {
	name       string
	addr, size uint64
	data       bool
}

// readSymbols reads the symbol table and sorts the symbols of places by section.
func (o *object) readSymbols() {
	o.named = make([][]symbol, len(o.file.Sections))
	for i := range o.file.Sections {
		s := &o.file.Sections[i]
		if s.Type != elf64.SectionSymTab {
			continue
		}
		symbols, err := o.file.Symbols(s)
		if err != nil {
			o.warn(err)
			return
		}
		o.symbols = symbols
		break
	}
	if o.symbols == nil {
		return
	}
	for i := range o.symbols.Len() {
		s, _ := o.symbols.At(i)
		if s.Section == elf64.IndexUndef || int(s.Section) >= len(o.named) ||
			s.Type() == elf64.SymbolSection || s.Type() == elf64.SymbolFile {
			continue
		}
		if name, ok := o.symbols.Name(s); ok && name != "" {
			data := s.Type() == elf64.SymbolObject || s.Type() == symbolCommon
			o.named[s.Section] = append(o.named[s.Section],
				symbol{name[:min(len(name), longestName)], s.Value, s.Size, data})
		}
	}
	for _, list := range o.named {
		slices.SortStableFunc(list, func(a, b symbol) int {
			return cmp.Or(cmp.Compare(a.addr, b.addr), cmp.Compare(a.name, b.name))
		})
	}
}

// symbolCommon is STT_COMMON, data without a place of its own.
const symbolCommon elf64.SymbolType = 5

// labels returns the symbols of a section for its listing.
func (o *object) labels(section int) []asm.Symbol {
	out := make([]asm.Symbol, len(o.named[section]))
	for i, s := range o.named[section] {
		out[i] = asm.Symbol{Name: printable.Text(s.name), Addr: s.addr, Data: s.data}
	}
	return out
}

// readBTF reads .BTF and .BTF.ext; without them comments say less.
func (o *object) readBTF() {
	s := o.file.SectionByName(".BTF")
	if s == nil {
		return
	}
	data, err := o.file.Data(s)
	if err == nil {
		o.spec, err = btf.Parse(data, nil)
	}
	if err != nil {
		o.warn(fmt.Errorf(".BTF: %w", err))
		return
	}
	o.kfuncs = kfuncs(o.spec)
	if s = o.file.SectionByName(".BTF.ext"); s == nil {
		return
	}
	var ext *btf.Ext
	if data, err = o.file.Data(s); err == nil {
		ext, err = btf.ParseExt(data, o.spec)
	}
	if err != nil {
		o.warn(fmt.Errorf(".BTF.ext: %w", err))
		return
	}
	if o.Source {
		o.lines = byOffset(ext.Line, btf.ExtSection.LineInfo, func(l btf.LineInfo) uint32 {
			return l.InsnOff
		})
	}
	if !o.NoComments {
		o.core = byOffset(ext.Core, btf.ExtSection.CoreRelo, func(r btf.CoreRelo) uint32 {
			return r.InsnOff
		})
	}
}

// hasSource reports whether any line record has the text of its line.
func (o *object) hasSource() bool {
	for _, list := range o.lines {
		for _, l := range list {
			if text, _ := o.spec.Name(l.LineOff); text != "" {
				return true
			}
		}
	}
	return false
}

// byOffset collects the records of one kind by section and sorts them by instruction.
func byOffset[T any](sections []btf.ExtSection, record func(btf.ExtSection, int) T,
	off func(T) uint32) map[string][]T {
	out := map[string][]T{}
	for _, e := range sections {
		for i := range e.Count {
			out[e.Name] = append(out[e.Name], record(e, i))
		}
	}
	for _, list := range out {
		slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(off(a), off(b)) })
	}
	return out
}

// kfuncs collects the functions in the .ksyms section.
func kfuncs(spec *btf.Spec) map[string]bool {
	out := map[string]bool{}
	id, ok := spec.FindByName(".ksyms", btf.KindDatasec)
	if !ok {
		return out
	}
	sec, _ := spec.Type(id)
	for i := range sec.Vlen() {
		if t, ok := spec.Type(sec.SecVar(i).Type); ok && t.Kind() == btf.KindFunc {
			out[t.Name()] = true
		}
	}
	return out
}

func (o *object) warn(err error) {
	if o.Warn != nil {
		o.Warn(err.Error())
	}
}
