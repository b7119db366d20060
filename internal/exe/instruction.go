package exe

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/insn"
	"github.com/purebpf/bpf/internal/printable"
)

// functionMax limits the size of a function whose code is read.
const functionMax = 4 << 20

// InsideError reports an offset inside an instruction.
type InsideError struct {
	Offset        uint64 // in the program or library
	Before, After uint64 // starts of that instruction and of the next
	Function      string // "" if Before and After follow from the alignment of instructions
	Start         uint64 // of the function
}

// Error names the offset and the nearest instructions.
func (e *InsideError) Error() string {
	name := func(offset uint64) string {
		switch {
		case e.Function == "":
			return fmt.Sprintf("%#x", offset)
		case offset == e.Start:
			return fmt.Sprintf("%#x (%s)", offset, e.Function)
		}
		return fmt.Sprintf("%#x (%s+%#x)", offset, e.Function, offset-e.Start)
	}
	return printable.Text(
		fmt.Sprintf("offset %s is inside an instruction; instructions start at %s and %s",
			name(e.Offset), name(e.Before), name(e.After)))
}

// CheckOffsets returns an *InsideError if one of the offsets in the file is certainly inside an
// instruction: it is not aligned as instructions of the machine are, or the control flow from the
// start of the function around it leads to an instruction around it (package insn says what that
// assumes). It does not refuse what it cannot decide: code without a function symbol, tables in
// code, code that only indirect jumps reach, unknown instructions and machines, and files whose
// symbols cannot be read.
func (f *File) CheckOffsets(offsets ...uint64) error {
	set := f.instructions()
	align := set.Align()
	places := make([]place, 0, len(offsets))
	for _, offset := range offsets {
		if before := offset - offset%align; before != offset {
			return &InsideError{Offset: offset, Before: before, After: before + align}
		}
		places = append(places, place{offset: offset})
	}
	if !set.Decodes() {
		return nil
	}
	f.locate(places)
	var of place // the function of layout
	var layout *insn.Layout
	for i := range places {
		p := &places[i]
		if p.known || p.name == nil {
			continue
		}
		if layout == nil || p.start != of.start || p.end != of.end {
			code := make([]byte, p.end-p.start)
			if readAt(f.r, code, int64(p.start)) != nil {
				continue
			}
			of, layout = *p, insn.Find(set, code)
		}
		if before, after, ok := layout.Inside(int(p.offset - p.start)); ok {
			return &InsideError{Offset: p.offset, Before: p.start + uint64(before),
				After: p.start + uint64(after), Function: string(p.name), Start: p.start}
		}
	}
	return nil
}

// place is an offset to check, and the innermost function around it.
type place struct {
	offset     uint64
	start, end uint64
	name       []byte // nil if there is no function
	known      bool   // a symbol shows that it is not inside an instruction
}

// NameAt returns the names, without versions, of the functions around offsets in the file: "" for an
// offset that is in none, and for all if the symbols can't be read.
func (f *File) NameAt(offsets []uint64) []string {
	places := make([]place, len(offsets))
	for i, offset := range offsets {
		places[i].offset = offset
	}
	f.locate(places)
	around := map[uint64]string{}
	for _, p := range places {
		around[p.offset] = string(p.name)
	}
	names := make([]string, len(offsets))
	for i, offset := range offsets {
		names[i] = around[offset]
	}
	return names
}

// locate sorts places and finds the functions around them.
func (f *File) locate(places []place) {
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.offset, b.offset) })
	for _, kind := range [...]elf64.SectionType{elf64.SectionDynSym, elf64.SectionSymTab} {
		if t, err := f.table(kind); err == nil && t != nil {
			t.locate(places)
		}
	}
}

// locate finds the functions around sorted places.
func (t *table) locate(places []place) {
	for i := range t.Len() {
		s, _ := t.At(i)
		section, ok := t.f.Section(uint32(s.Section))
		if !ok || !t.defined(s) || section.Type == elf64.SectionNoBits || s.Value < section.Addr ||
			s.Value-section.Addr >= section.Size || section.Flags&elf64.FlagExec == 0 {
			continue
		}
		start := s.Value - section.Addr + section.Offset
		end := start + min(s.Size, section.Size-(s.Value-section.Addr))
		from, _ := slices.BinarySearchFunc(places, start, func(p place, offset uint64) int {
			if p.offset < offset {
				return -1
			}
			return 1
		})
		for ; from < len(places) &&
			(places[from].offset < end || places[from].offset == start); from++ {
			p := &places[from]
			p.known = p.known || p.offset == start || s.Type() == elf64.SymbolObject
			switch {
			case s.Type() != elf64.SymbolFunc && s.Type() != elf64.SymbolIFunc,
				end-start > functionMax:
			case p.name == nil || start > p.start || start == p.start && p.name[0] == '_':
				name, ok := t.base(s)
				if !ok || len(name) == 0 || end > t.f.Size() ||
					p.name != nil && start == p.start && name[0] == '_' {
					continue // getpgid rather than its alias __getpgid
				}
				p.start, p.end, p.name = start, end, name
			}
		}
	}
}

// instructions returns the instruction set of the file's machine.
func (f *File) instructions() insn.Set {
	little := f.Order == binary.ByteOrder(binary.LittleEndian)
	switch f.Machine {
	case elf64.Machine386:
		return insn.X86
	case elf64.MachineX86_64:
		return insn.X86_64
	case elf64.MachineAArch64:
		return insn.ARM64
	case elf64.MachineS390:
		return insn.S390X
	case elf64.MachineLoongArch:
		return insn.LoongArch
	case elf64.MachineRISCV:
		if f.WordSize() == 8 {
			return insn.RISCV64
		}
	case elf64.MachinePPC64:
		if little {
			return insn.PPC64LE
		}
		return insn.PPC64
	}
	return insn.Unknown
}
