package object

import (
	"cmp"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
)

// collectExterns creates an Extern for each undefined symbol. Its kind and type are in BTF: a VAR
// or FUNC of its name with extern linkage, listed in the section .kconfig or .ksyms.
func (p *parser) collectExterns() error {
	if len(p.externSyms) == 0 {
		return nil
	}
	ids, sections := p.externTypes()
	externs := make([]Extern, len(p.externSyms))
	p.externOf = make(map[uint32]*Extern, len(externs))
	for i, symIndex := range p.externSyms {
		sym, _ := p.syms.At(symIndex)
		name, _ := p.syms.Name(sym)
		e := &externs[i]
		e.Name, e.Weak, e.Var = name, sym.Bind() == elf64.BindWeak, ids[name]
		if err := p.fillExtern(e, sections[e.Var]); err != nil {
			return err
		}
		p.o.Externs = append(p.o.Externs, e)
		p.externOf[uint32(symIndex)] = e
	}
	list := p.o.Externs
	stable(len(list), func(i, j int) int { return compareExterns(list[i], list[j]) },
		func(i, j int) { list[i], list[j] = list[j], list[i] })
	end := uint64(0)
	for i, e := range p.o.Externs {
		e.Index = i
		if e.Kind != ExternKconfig {
			continue
		}
		align := uint64(e.Align)
		start := (end + align - 1) / align * align
		end = start + uint64(e.Size)
		if end > 1<<32-1 {
			return p.fail(ReasonTooBig, kconfigSection, "externs take more than 4 GiB")
		}
		e.Offset = uint32(start)
	}
	return nil
}

// kconfigSize returns the size of the .kconfig map's value, 0 if there is none.
func (p *parser) kconfigSize() uint32 {
	end := uint32(0)
	for _, e := range p.o.Externs {
		if e.Kind == ExternKconfig {
			end = e.Offset + e.Size
		}
	}
	return end
}

// compareExterns compares externs in libbpf's order, by which messages number them: kconfig by
// falling alignment, rising size and name, then ksyms by name.
func compareExterns(a, b *Extern) int {
	if c := cmp.Compare(a.Kind, b.Kind); c != 0 {
		return c
	}
	if a.Kind == ExternKconfig {
		if c := cmp.Or(cmp.Compare(b.Align, a.Align), cmp.Compare(a.Size, b.Size)); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.Name, b.Name)
}

// externTypes finds, in one pass over the BTF, the first VAR or FUNC with each extern's name and
// the first section that lists each.
func (p *parser) externTypes() (ids map[string]btf.ID, sections map[btf.ID]string) {
	ids = make(map[string]btf.ID, len(p.externSyms))
	sections = make(map[btf.ID]string, len(p.externSyms))
	for _, i := range p.externSyms {
		sym, _ := p.syms.At(i)
		name, _ := p.syms.Name(sym)
		ids[name] = 0
	}
	var datasecs []btf.Type
	for t := range p.o.BTF.Types() {
		switch t.Kind() {
		case btf.KindVar, btf.KindFunc:
			if id, wanted := ids[t.Name()]; wanted && id == 0 {
				ids[t.Name()] = t.ID()
				sections[t.ID()] = ""
			}
		case btf.KindDatasec:
			datasecs = append(datasecs, t)
		}
	}
	for _, t := range datasecs {
		for i := range t.Vlen() {
			v := t.SecVar(i)
			if name, wanted := sections[v.Type]; wanted && name == "" {
				sections[v.Type] = t.Name()
			}
		}
	}
	return ids, sections
}

func (p *parser) fillExtern(e *Extern, section string) error {
	t, _ := p.o.BTF.Type(e.Var)
	e.Func = t.Kind() == btf.KindFunc
	switch {
	case e.Var == 0:
		return p.fail(ReasonNotFound, "", "extern %q has no BTF: no VAR or FUNC of that name",
			e.Name)
	case t.Linkage() != btf.LinkageExtern:
		return p.fail(ReasonInvalid, "", "symbol %q is extern, its BTF %v [%d] is not",
			e.Name, t.Kind(), e.Var)
	case section == "":
		return p.fail(ReasonNotFound, "",
			"extern %q is in no BTF section: declare it with __kconfig or __ksym, or link the "+
				"objects first", e.Name)
	case section == kconfigSection:
		e.Kind = ExternKconfig
		return p.fillKconfig(e, t)
	case section == ksymsSection:
		e.Kind = ExternKsym
		e.KsymType = p.o.BTF.Skip(t.Ref()).ID()
		return nil
	}
	return p.fail(ReasonNotSupported, section,
		"extern %q is in an unrecognized extern section: link the object with the one that "+
			"defines it", e.Name)
}

func (p *parser) fillKconfig(e *Extern, t btf.Type) error {
	if e.Func {
		return p.fail(ReasonNotSupported, kconfigSection,
			"extern function %q cannot be a kernel configuration value", e.Name)
	}
	if e.Type, e.Signed = kconfigType(p.o.BTF, t.Ref()); e.Type == 0 {
		return p.fail(ReasonNotSupported, kconfigSection,
			"extern %q has a type that no configuration value has: use bool, char, an integer of "+
				"2, 4 or 8 bytes, enum libbpf_tristate or char[]", e.Name)
	}
	size, err := p.o.BTF.SizeOf(t.Ref())
	if err != nil || size == 0 || size > 1<<32-1 {
		return p.failWith(ReasonInvalid, kconfigSection, err, "size of extern %q is %d bytes",
			e.Name, size)
	}
	if e.Align, err = p.o.BTF.AlignOf(t.Ref()); err != nil || e.Align == 0 {
		return p.failWith(ReasonInvalid, kconfigSection, err, "alignment of extern %q", e.Name)
	}
	e.Size = uint32(size)
	return nil
}

// kconfigType returns the kind of configuration value for a C type, 0 if there is none.
func kconfigType(s *btf.Spec, id btf.ID) (kind KconfigType, signed bool) {
	t := s.Skip(id)
	switch t.Kind() {
	case btf.KindInt:
		if t.IntEncoding()&btf.Bool != 0 {
			if t.Size() == 1 {
				return KconfigBool, false
			}
			return 0, false
		}
		signed = t.IntEncoding()&btf.Signed != 0
		switch t.Size() {
		case 1:
			return KconfigChar, signed
		case 2, 4, 8:
			return KconfigInt, signed
		}
	case btf.KindEnum:
		if t.Size() == 4 && t.Name() == "libbpf_tristate" {
			return KconfigTristate, false
		}
	case btf.KindEnum64:
		if t.Name() == "libbpf_tristate" {
			return KconfigTristate, false
		}
	case btf.KindArray:
		a := t.Array()
		if a.Nelems > 0 && s.Skip(a.Elem).Kind() == btf.KindInt {
			if k, _ := kconfigType(s, a.Elem); k == KconfigChar {
				return KconfigCharArray, false
			}
		}
	}
	return 0, false
}
