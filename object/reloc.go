package object

import (
	"cmp"
	"slices"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
)

// collectRelocs reads all relocations that matter to a loader, section by section.
func (p *parser) collectRelocs() error {
	for i, k := range p.kinds {
		if k != secRel {
			continue
		}
		s := &p.f.Sections[i]
		rels, err := p.f.Rels(s)
		if err != nil {
			return p.failWith(ReasonFormat, "", err, "")
		}
		target := &p.f.Sections[s.Info]
		switch p.kinds[target.Index] {
		case secStructOps:
			err = p.structOpsSlots(rels, target)
		case secMaps:
			err = p.mapSlots(rels)
		case secCode:
			err = p.codeRelocs(rels, target)
		default:
			p.note(s.Name, "skipped: relocations of a section that a loader does not relocate")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// badRel returns an error about one relocation.
func (p *parser) badRel(rels *elf64.Rels, i int, r Reason, format string, args ...any) error {
	return p.fail(r, rels.Section.Name, "relocation %d at offset %#x: "+format,
		append([]any{i, rels.At(i).Offset}, args...)...)
}

// symbolName returns a symbol's name; for a section symbol, which has none, it returns the
// section's name.
func (p *parser) symbolName(sym elf64.Symbol) string {
	if sym.Type() == elf64.SymbolSection && sym.NameOff == 0 {
		if s, ok := p.f.Section(uint32(sym.Section)); ok {
			return s.Name
		}
	}
	name, _ := p.syms.Name(sym)
	return name
}

// codeRelocs distributes the relocations of one code section to its functions. It leaves out those
// in code that belongs to no function: the remains of an overridden weak function.
func (p *parser) codeRelocs(rels *elf64.Rels, target *elf64.Section) error {
	relocs := make([]Reloc, 0, rels.Len())
	owners := make([]*Function, 0, rels.Len())
	sorted := true
	dead := false
	for i := range rels.Len() {
		rel := rels.At(i)
		sym, ok := p.syms.At(int(rel.Symbol))
		switch {
		case !ok:
			return p.badRel(rels, i, ReasonFormat, "symbol %d does not exist", rel.Symbol)
		case int(sym.Section) >= len(p.f.Sections):
			return p.badRel(rels, i, ReasonFormat,
				"symbol %q is in section %d; there are %d sections",
				p.symbolName(sym), sym.Section, len(p.f.Sections))
		case rel.Offset%asm.Size != 0 || rel.Offset >= target.Size:
			return p.badRel(rels, i, ReasonFormat, "no instruction there")
		}
		f, ok := p.functionAt(target.Index, rel.Offset)
		if !ok {
			dead = true
			continue
		}
		rl, err := p.classifyReloc(f.f, int((rel.Offset-f.f.Offset)/asm.Size), rel.Symbol, sym)
		if err != nil {
			err.Section = target.Name
			err.Object = p.o.Name
			return err
		}
		if n := len(relocs); n > 0 &&
			(owners[n-1] == f.f && relocs[n-1].Insn > rl.Insn ||
				owners[n-1] != f.f && owners[n-1].Offset > f.f.Offset) {
			sorted = false
		}
		relocs, owners = append(relocs, rl), append(owners, f.f)
	}
	if dead {
		p.note(rels.Section.Name,
			"relocations of code that belongs to no function are ignored: a weak function was overridden")
	}
	if !sorted {
		sortRelocs(relocs, owners)
	}
	for start := 0; start < len(relocs); {
		end := start + 1
		for end < len(relocs) && owners[end] == owners[start] {
			end++
		}
		owners[start].Relocs = relocs[start:end:end]
		start = end
	}
	return nil
}

// sortRelocs sorts relocations and their owners by function and instruction.
func sortRelocs(relocs []Reloc, owners []*Function) {
	stable(len(relocs), func(i, j int) int {
		if owners[i] != owners[j] {
			return cmp.Compare(owners[i].Offset, owners[j].Offset)
		}
		return cmp.Compare(relocs[i].Insn, relocs[j].Insn)
	}, func(i, j int) {
		relocs[i], relocs[j] = relocs[j], relocs[i]
		owners[i], owners[j] = owners[j], owners[i]
	})
}

// classifyReloc determines what an instruction refers to. The type of the relocation in the file
// does not matter, only the instruction and the symbol.
func (p *parser) classifyReloc(f *Function, insn int, symIndex uint32,
	sym elf64.Symbol) (Reloc, *Error) {
	name := p.symbolName(sym)
	fail := func(format string, args ...any) (Reloc, *Error) {
		err := p.fail(ReasonReloc, "", "function %q: instruction %d: "+format,
			append([]any{f.Name, insn}, args...)...)
		return Reloc{}, err.(*Error)
	}
	in := f.Insns[insn]
	rl := Reloc{Insn: insn, Symbol: name}
	call := in.IsCall()
	switch {
	case !call && !in.IsLdImm64():
		return fail("relocation against %q of opcode %#02x, want call or ld_imm64",
			name, uint8(in.Op))
	case !call && insn+1 >= len(f.Insns):
		return fail("ld_imm64 without its second half")
	case isExtern(sym):
		rl.Extern = p.externOf[symIndex]
		if rl.Extern == nil {
			return fail("unknown extern %q", name)
		}
		rl.Kind = RelocExternLd64
		if call {
			rl.Kind = RelocExternCall
		}
		return rl, nil
	case call:
		if !in.IsPseudoCall() {
			return fail("call of %q has source register %d, want 1 (BPF_PSEUDO_CALL)",
				name, in.Src())
		}
		if p.text == 0 || int(sym.Section) != p.text {
			return fail("call of %q in section %q: functions that are called must be in .text",
				name, p.f.Sections[sym.Section].Name)
		}
		if sym.Value%asm.Size != 0 {
			return fail("call of %q at offset %#x, not a multiple of 8", name, sym.Value)
		}
		rl.Kind, rl.SymValue = RelocCall, sym.Value
		return rl, nil
	case sym.Section == elf64.IndexUndef:
		return fail("reference to %q, which is in no section: "+
			"was a global variable left uninitialized?", name)
	case p.isSubprog(sym):
		if sym.Value%asm.Size != 0 || in.Imm%asm.Size != 0 {
			return fail("address of function %q at offset %#x%+d, not a multiple of 8",
				name, sym.Value, in.Imm)
		}
		rl.Kind, rl.SymValue = RelocSubprogAddr, sym.Value
		return rl, nil
	}
	return p.classifyData(rl, sym, fail)
}

// isSubprog reports whether a symbol is a function in .text: for a static one it is the section's
// symbol.
func (p *parser) isSubprog(sym elf64.Symbol) bool {
	if p.text == 0 || int(sym.Section) != p.text {
		return false
	}
	if sym.Bind() == elf64.BindLocal {
		return sym.Type() == elf64.SymbolSection
	}
	return (sym.Bind() == elf64.BindGlobal || sym.Bind() == elf64.BindWeak) &&
		sym.Type() == elf64.SymbolFunc
}

// classifyData determines which map or byte of data an ld_imm64 refers to.
func (p *parser) classifyData(rl Reloc, sym elf64.Symbol,
	fail func(string, ...any) (Reloc, *Error)) (Reloc, *Error) {
	switch p.kind(sym.Section) {
	case secArena:
		if p.o.Arena == nil {
			return fail("arena variable %q without an arena map", rl.Symbol)
		}
		rl.Kind, rl.Map, rl.SymValue = RelocData, p.o.Arena, sym.Value
	case secJumpTables:
		rl.Kind, rl.SymValue, rl.SymSize = RelocInsnArray, sym.Value, sym.Size
	case secMaps:
		rl.Kind, rl.Map = RelocMap, p.mapAt(sym.Value)
		if rl.Map == nil {
			return fail("no map at offset %#x of %s, where %q is",
				sym.Value, mapsSection, rl.Symbol)
		}
	case secData, secRodata, secBss:
		rl.Kind, rl.Map, rl.SymValue = RelocData, p.dataMap(sym.Section), sym.Value
		if rl.Map == nil {
			return fail("reference to %q in the empty section %q",
				rl.Symbol, p.f.Sections[sym.Section].Name)
		}
	default:
		return fail("reference to %q in section %q, which is neither maps nor data",
			rl.Symbol, p.f.Sections[sym.Section].Name)
	}
	return rl, nil
}

// mapAt returns the map that is defined at an offset of .maps. The first maps of the object are
// those of .maps, in order of offset.
func (p *parser) mapAt(off uint64) *Map {
	vars := p.defined
	i, ok := slices.BinarySearchFunc(vars, off, func(v btf.SecVar, off uint64) int {
		return cmp.Compare(uint64(v.Offset), off)
	})
	if !ok {
		return nil
	}
	return p.o.Maps[i]
}
