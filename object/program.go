package object

import (
	"cmp"
	"fmt"
	"sort"
	"strings"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/elf64"
)

// scanSymbols walks the symbol table once: functions of code sections become programs and
// subprograms, undefined symbols become externs.
func (p *parser) scanSymbols() error {
	var funcs []int
	for i := 1; i < p.syms.Len(); i++ {
		sym, _ := p.syms.At(i)
		switch {
		case isExtern(sym):
			if name, ok := p.syms.Name(sym); ok && name != "" {
				p.externSyms = append(p.externSyms, i)
			}
		case sym.Type() == elf64.SymbolFunc && p.kind(sym.Section) == secCode:
			funcs = append(funcs, i)
		}
	}
	if len(funcs) == 0 {
		p.tellNoPrograms()
		return nil
	}
	code, err := p.decode(funcs)
	if err == nil {
		err = p.addFunctions(funcs, code)
	}
	if err == nil && len(p.o.Programs) == 0 {
		p.tellNoPrograms()
	}
	return err
}

// tellNoPrograms records why no function is a program. It adds a note if there is code that cannot
// be loaded.
func (p *parser) tellNoPrograms() {
	var code []string
	for i := range p.f.Sections {
		if p.kinds[i] == secCode {
			code = append(code, p.f.Sections[i].Name)
		}
	}
	switch {
	case len(code) == 0:
		p.o.noPrograms = "no section has code"
		return
	case len(p.o.Subprogs) > 0:
		p.o.noPrograms = "all functions are in .text, which is for subprograms: a program has " +
			"a SEC()"
	default:
		names := strings.Join(code[:min(len(code), 4)], ", ")
		if more := len(code) - 4; more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		p.o.noPrograms = "code is in " + names +
			", but the symbol table has no functions there: keep them when stripping (llvm-strip -g)"
	}
	p.note("", "there are no programs: "+p.o.noPrograms)
}

// isExtern reports whether a symbol is supplied from outside the object.
func isExtern(s elf64.Symbol) bool {
	return s.Section == elf64.IndexUndef && s.Type() == elf64.SymbolNoType &&
		(s.Bind() == elf64.BindGlobal || s.Bind() == elf64.BindWeak)
}

// kind returns the kind of a symbol's section, secOther if it has no section.
func (p *parser) kind(i elf64.SectionIndex) secKind {
	if i >= elf64.IndexReserve || int(i) >= len(p.kinds) {
		return secOther
	}
	return p.kinds[i]
}

// decode returns the instructions of each section that has functions, by section index: a view of
// the file if this machine's instructions have the same layout, else a copy in host order.
func (p *parser) decode(funcs []int) ([][]asm.Instruction, error) {
	code := make([][]asm.Instruction, len(p.f.Sections))
	for _, i := range funcs {
		sym, _ := p.syms.At(i)
		s := &p.f.Sections[sym.Section]
		if code[s.Index] != nil {
			continue
		}
		b, err := p.data(s)
		if err != nil {
			return nil, err
		}
		b = b[:len(b)&^(asm.Size-1)]
		view, ok := asm.View(b, p.o.Order)
		if !ok {
			if uint64(len(b)) > p.budget {
				return nil, p.fail(ReasonFormat, s.Name, "sections overlap")
			}
			p.budget -= uint64(len(b))
			if view, err = asm.Decode(b, p.o.Order); err != nil {
				return nil, p.failWith(ReasonFormat, s.Name, err, "")
			}
		}
		code[s.Index] = view
	}
	return code, nil
}

// addFunctions creates a Function for each symbol, sorts them by section and offset, and divides
// them into programs and subprograms.
func (p *parser) addFunctions(funcs []int, code [][]asm.Instruction) error {
	subs := 0
	for _, i := range funcs {
		if sym, _ := p.syms.At(i); int(sym.Section) == p.text {
			subs++
		}
	}
	programs, subprogs := make([]Program, 0, len(funcs)-subs), make([]Function, 0, subs)
	p.funcs = make([]funcRef, 0, len(funcs))
	for _, i := range funcs {
		sym, _ := p.syms.At(i)
		f, err := p.function(i, sym, code[sym.Section])
		if err != nil {
			return err
		}
		if f.SecIndex == p.text {
			subprogs = append(subprogs, f)
			p.funcs = append(p.funcs, funcRef{f: &subprogs[len(subprogs)-1]})
			continue
		}
		programs = append(programs, p.program(f))
		prog := &programs[len(programs)-1]
		p.funcs = append(p.funcs, funcRef{f: &prog.Function, p: prog})
	}
	stable(len(p.funcs), func(i, j int) int {
		a, b := p.funcs[i].f, p.funcs[j].f
		return cmp.Or(cmp.Compare(a.SecIndex, b.SecIndex), cmp.Compare(a.Offset, b.Offset))
	}, func(i, j int) { p.funcs[i], p.funcs[j] = p.funcs[j], p.funcs[i] })
	p.o.Programs, p.o.Subprogs = make([]*Program, 0, len(programs)),
		make([]*Function, 0, len(subprogs))
	for _, r := range p.funcs {
		if r.p != nil {
			p.o.Programs = append(p.o.Programs, r.p)
		} else {
			p.o.Subprogs = append(p.o.Subprogs, r.f)
		}
	}
	return nil
}

func (p *parser) function(i int, sym elf64.Symbol, code []asm.Instruction) (Function, error) {
	s := &p.f.Sections[sym.Section]
	name, ok := p.syms.Name(sym)
	if !ok {
		return Function{}, p.fail(ReasonFormat, s.Name,
			"the name of the function of symbol %d is outside the string table", i)
	}
	switch {
	case sym.Value > s.Size || sym.Size > s.Size-sym.Value:
		return Function{}, p.fail(ReasonFormat, s.Name,
			"function %q at offset %#x with %d bytes crosses the end of the section, which has %d",
			name, sym.Value, sym.Size, s.Size)
	case sym.Size == 0 || sym.Size%asm.Size != 0 || sym.Value%asm.Size != 0:
		return Function{}, p.fail(ReasonInvalid, s.Name,
			"function %q at offset %#x with %d bytes is not a sequence of 8-byte instructions",
			name, sym.Value, sym.Size)
	case s.Index != p.text && sym.Bind() == elf64.BindLocal:
		return Function{}, p.fail(ReasonNotSupported, s.Name,
			"program %q is static, which is not supported: remove static from it, or SEC() to "+
				"make it a subprogram", name)
	}
	global := sym.Bind() != elf64.BindLocal
	start, end := sym.Value/asm.Size, (sym.Value+sym.Size)/asm.Size
	return Function{
		Name:     name,
		Section:  s.Name,
		SecIndex: s.Index,
		Offset:   sym.Value,
		Insns:    code[start:end:end],
		Global:   global,
		Weak:     sym.Bind() == elf64.BindWeak,
		Hidden:   global && hidden(sym),
	}, nil
}

func hidden(s elf64.Symbol) bool {
	return s.Visibility() == elf64.VisHidden || s.Visibility() == elf64.VisInternal
}

// program makes an entry program from a function and looks up its section name.
func (p *parser) program(f Function) Program {
	sec, off := strings.CutPrefix(f.Section, "?")
	prog := Program{Function: f, Sec: sec, Autoload: !off, Autoattach: true}
	def := matchSec(sec, p.opts.Sections)
	if def == nil {
		text := "no program type is known for this section name: " +
			"its programs need a type before they can be loaded"
		if near := NearSec(sec); near != "" {
			text += "; " + near
		}
		p.note(f.Section, text)
		return prog
	}
	prog.Def, prog.Type, prog.ExpectedAttachType = def, def.Type, def.Attach
	if def.Flags&SecAttachBTF != 0 {
		_, prog.AttachTarget, _ = strings.Cut(sec, "/")
	}
	return prog
}

// functionAt returns the function with the instruction at a byte offset of a section: the last one
// that starts at or before it, if it extends that far.
func (p *parser) functionAt(section int, off uint64) (funcRef, bool) {
	// not slices.BinarySearchFunc: see stable
	i := sort.Search(len(p.funcs), func(i int) bool {
		f := p.funcs[i].f
		return f.SecIndex > section || f.SecIndex == section && f.Offset > off
	})
	if i == 0 {
		return funcRef{}, false
	}
	r := p.funcs[i-1]
	if r.f.SecIndex != section || off-r.f.Offset >= uint64(len(r.f.Insns))*asm.Size {
		return funcRef{}, false
	}
	return r, true
}
