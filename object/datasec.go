package object

import (
	"cmp"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
)

// BTF fix-up
//
// A kernel does not accept the BTF of variables as a compiler writes it. The compiler leaves the
// sizes of sections and the offsets of global variables zero; they are filled in from the ELF file
// (a BPF linker has already done so). Externs are not variables until the loader makes them so:
// those of .kconfig become variables of a map with configuration values, and those of .ksyms each
// become an int, because the kernel requires every section to hold variables and refuses functions.
// A FUNC in .ksyms is replaced by an invented VAR named dummy_ksym, which has no other use.
//
// All changes keep type ids, so results of earlier lookups stay valid.

const dummyKsym = "dummy_ksym"

// finishBTF applies the fix-up to the object's BTF.
func (p *parser) finishBTF() error {
	if p.o.BTF == nil {
		return nil
	}
	var datasecs []btf.Type
	for t := range p.o.BTF.Types() {
		if t.Kind() == btf.KindDatasec {
			datasecs = append(datasecs, t)
		}
	}
	if len(datasecs) == 0 {
		return nil
	}
	p.datasecs = make(map[string]btf.ID, len(datasecs))
	for _, t := range datasecs {
		if _, known := p.datasecs[t.Name()]; !known {
			p.datasecs[t.Name()] = t.ID()
		}
	}
	e := btfEdit{p: p, b: p.o.BTF.Edit()}
	for _, t := range datasecs {
		if err := e.datasec(t); err != nil {
			return err
		}
	}
	spec, err := e.b.Spec()
	if err != nil {
		return p.failWith(ReasonInvalid, ".BTF", err, "")
	}
	if err := spec.SetPointerSize(8); err != nil {
		return p.failWith(ReasonInvalid, ".BTF", err, "")
	}
	p.o.BTF = spec
	return nil
}

// datasec returns the first BTF section with a name, after the fix-up.
func (p *parser) datasec(name string) (btf.Type, bool) {
	id, ok := p.datasecs[name]
	if !ok {
		return btf.Type{}, false
	}
	return p.o.BTF.Type(id)
}

// btfEdit is a fix-up in progress. Types are read from the compiled BTF, changes go to the builder.
type btfEdit struct {
	p       *parser
	b       *btf.Builder
	syms    map[string]elf64.Symbol // global data symbols by name, filled on first use
	byName  map[string]*Extern      // externs by name, filled on first use
	dummy   btf.ID                  // dummy_ksym, 0 until needed
	intID   btf.ID                  // an int, 0 until needed
	renamed map[btf.ID]bool         // prototypes whose parameters have been named
}

// datasec fixes up one section and sorts its variables by offset.
func (e *btfEdit) datasec(sec btf.Type) error {
	vars := make([]btf.SecVar, sec.Vlen())
	for i := range vars {
		vars[i] = sec.SecVar(i)
	}
	var err error
	switch name := sec.Name(); name {
	case kconfigSection:
		err = e.kconfig(sec, vars)
	case ksymsSection:
		err = e.ksyms(sec, vars)
	default:
		err = e.fill(sec, name, vars)
	}
	if err != nil {
		return err
	}
	stable(len(vars), func(i, j int) int { return cmp.Compare(vars[i].Offset, vars[j].Offset) },
		func(i, j int) { vars[i], vars[j] = vars[j], vars[i] })
	for i, v := range vars {
		if v != sec.SecVar(i) {
			e.b.SetSecVar(sec.ID(), i, v)
		}
	}
	return nil
}

// member returns the VAR or FUNC of one element of a section and the extern of the same name.
func (e *btfEdit) member(sec btf.Type, v btf.SecVar) (btf.Type, *Extern, error) {
	if e.byName == nil {
		e.byName = make(map[string]*Extern, len(e.p.o.Externs))
		for _, x := range e.p.o.Externs {
			if e.byName[x.Name] == nil {
				e.byName[x.Name] = x
			}
		}
	}
	t, _ := e.p.o.BTF.Type(v.Type)
	if t.Kind() != btf.KindVar && t.Kind() != btf.KindFunc {
		return t, nil, e.p.fail(ReasonInvalid, sec.Name(),
			"the BTF section lists %v [%d], want VAR or FUNC", t.Kind(), v.Type)
	}
	x := e.byName[t.Name()]
	if x == nil {
		return t, nil, e.p.fail(ReasonNoSuch, sec.Name(),
			"BTF %v %q has no extern symbol of that name", t.Kind(), t.Name())
	}
	return t, x, nil
}

func (e *btfEdit) kconfig(sec btf.Type, vars []btf.SecVar) error {
	if len(e.p.o.Externs) == 0 {
		return nil
	}
	for i, v := range vars {
		t, x, err := e.member(sec, v)
		if err != nil {
			return err
		}
		if t.Kind() != btf.KindVar {
			return e.p.fail(ReasonNotSupported, kconfigSection,
				"extern function %q cannot be a kernel configuration value", t.Name())
		}
		vars[i].Offset = x.Offset
		e.b.SetLinkage(t.ID(), btf.LinkageGlobal)
	}
	e.b.SetSize(sec.ID(), e.p.kconfigSize())
	return nil
}

func (e *btfEdit) ksyms(sec btf.Type, vars []btf.SecVar) error {
	if len(e.p.o.Externs) == 0 {
		return nil
	}
	for i, v := range vars {
		t, _, err := e.member(sec, v)
		if err != nil {
			return err
		}
		vars[i] = btf.SecVar{Type: t.ID(), Offset: uint32(i) * 4, Size: 4}
		e.b.SetLinkage(t.ID(), btf.LinkageGlobal)
		if t.Kind() == btf.KindVar {
			e.b.SetRef(t.ID(), e.int32())
			continue
		}
		if e.dummy == 0 {
			e.dummy = e.b.AddVar(dummyKsym, btf.LinkageGlobal, e.int32())
		}
		vars[i].Type = e.dummy
		e.nameParams(t.Ref())
	}
	e.b.SetSize(sec.ID(), uint32(len(vars))*4)
	return nil
}

// int32 returns the first integer type of 32 bits, which it adds if the object has none.
func (e *btfEdit) int32() btf.ID {
	if e.intID != 0 {
		return e.intID
	}
	for t := range e.p.o.BTF.Types() {
		if t.Kind() == btf.KindInt && t.IntBits() == 32 {
			e.intID = t.ID()
			return e.intID
		}
	}
	e.intID = e.b.AddInt("int", 4, btf.Signed)
	return e.intID
}

// nameParams names the unnamed parameters of a kfunc's prototype: old kernels require names if the
// FUNC is global.
func (e *btfEdit) nameParams(proto btf.ID) {
	t, _ := e.p.o.BTF.Type(proto)
	if t.Kind() != btf.KindFuncProto || e.renamed[proto] {
		return
	}
	if e.renamed == nil {
		e.renamed = map[btf.ID]bool{}
	}
	e.renamed[proto] = true
	for i := range t.Vlen() {
		if param := t.Param(i); param.Type != 0 && param.Name == "" {
			e.b.SetParamName(proto, i, dummyKsym)
		}
	}
}

// fill sets size and offsets from the ELF file if the compiler left them zero, and makes global
// variables static if they are hidden, which keeps their section from being mapped into memory.
func (e *btfEdit) fill(sec btf.Type, name string, vars []btf.SecVar) error {
	p := e.p
	open := sec.Size() == 0
	if open {
		s := p.f.SectionByName(name)
		if s == nil || s.Size == 0 || s.Size > 1<<32-1 {
			return p.fail(ReasonNotFound, name,
				"BTF has variables of the section, but the ELF file does not give its size")
		}
		e.b.SetSize(sec.ID(), uint32(s.Size))
	}
	for i, v := range vars {
		t, _ := p.o.BTF.Type(v.Type)
		if t.Kind() != btf.KindVar {
			return p.fail(ReasonInvalid, name, "element %d of the BTF section is %v [%d], want VAR",
				i, t.Kind(), v.Type)
		}
		if t.Linkage() != btf.LinkageGlobal {
			continue
		}
		sym, ok := e.symbol(t.Name())
		if !ok {
			return p.fail(ReasonNotFound, name,
				"BTF variable %q has no global data symbol of that name", t.Name())
		}
		if open {
			if sym.Value > 1<<32-1 {
				return p.fail(ReasonFormat, name, "variable %q is at offset %#x",
					t.Name(), sym.Value)
			}
			vars[i].Offset = uint32(sym.Value)
		}
		if hidden(sym) {
			e.b.SetLinkage(t.ID(), btf.LinkageStatic)
		}
	}
	return nil
}

// symbol returns the first global data symbol with a name.
func (e *btfEdit) symbol(name string) (elf64.Symbol, bool) {
	if e.syms == nil {
		e.syms = map[string]elf64.Symbol{}
		for i := range e.p.syms.Len() {
			s, _ := e.p.syms.At(i)
			if s.Type() != elf64.SymbolObject ||
				s.Bind() != elf64.BindGlobal && s.Bind() != elf64.BindWeak {
				continue
			}
			n, ok := e.p.syms.Name(s)
			if _, known := e.syms[n]; ok && !known {
				e.syms[n] = s
			}
		}
	}
	s, ok := e.syms[name]
	return s, ok
}
