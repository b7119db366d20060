package cdump

import (
	"strconv"

	"github.com/purebpf/bpf/btf"
)

const vaList = "__builtin_va_list" // known to the compiler, never defined

// emitType writes the declarations that a use of type id needs, within the definition of the
// struct, union or typedef within; with within 0 it writes the definition of id itself.
func (d *Dumper) emitType(id, within btf.ID, depth int) error {
	if id == 0 {
		return nil
	}
	if err := d.step(depth); err != nil {
		return err
	}
	t, err := d.typ(id)
	if err != nil {
		return err
	}
	s := &d.states[id]
	switch s.emit {
	case done:
		return nil
	case underway:
		d.declareAgain(t, s, within)
		return nil
	}
	switch t.Kind() {
	case btf.KindInt:
		d.emitAlias(t)
		s.emit = done
	case btf.KindEnum, btf.KindEnum64:
		if within == 0 {
			d.enumDef(t, 0)
			d.end()
		}
		s.emit = done
	case btf.KindPtr, btf.KindVolatile, btf.KindConst, btf.KindRestrict, btf.KindTypeTag:
		return d.emitType(t.Ref(), within, depth+1)
	case btf.KindArray:
		return d.emitType(t.Array().Elem, within, depth+1)
	case btf.KindFwd:
		d.fwd(t)
		d.end()
		s.emit = done
	case btf.KindTypedef:
		s.emit = underway
		if err := d.emitType(t.Ref(), id, depth+1); err != nil {
			return err
		}
		if !s.declared {
			if err := d.typedefDef(t); err != nil {
				return err
			}
		}
		s.emit = done
	case btf.KindStruct, btf.KindUnion:
		return d.emitComposite(t, s, within, depth)
	case btf.KindFuncProto:
		if err := d.emitType(t.Ref(), within, depth+1); err != nil {
			return err
		}
		for i := range t.Vlen() {
			if err := d.emitType(t.Param(i).Type, within, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// declareAgain writes a forward declaration of a type whose definition is under way and that is
// used before it is complete.
func (d *Dumper) declareAgain(t btf.Type, s *typeState, within btf.ID) {
	if s.declared {
		return
	}
	switch t.Kind() {
	case btf.KindStruct, btf.KindUnion:
		if t.ID() == within || t.NameOff() == 0 {
			return
		}
		d.tag(t)
		d.end()
		s.declared = true
	case btf.KindTypedef:
		d.typedefDef(t)
		s.declared = true
	}
}

// emitComposite writes a struct or union, or what its use needs: the declarations of the members of
// an anonymous one, which will be written in place, or else a forward declaration.
func (d *Dumper) emitComposite(t btf.Type, s *typeState, within btf.ID, depth int) error {
	id, anonymous := t.ID(), t.NameOff() == 0
	s.emit = underway
	if within == 0 || anonymous {
		if !anonymous {
			within = id
		}
		top := within == id
		for i := range t.Vlen() {
			if err := d.emitType(t.Member(i).Type, within, depth+1); err != nil {
				return err
			}
		}
		if top {
			if err := d.compositeDef(t, 0, depth); err != nil {
				return err
			}
			d.end()
			s.emit = done
			return nil
		}
	} else if !s.declared && id != within {
		d.tag(t)
		d.end()
		s.declared = true
	}
	s.emit = untouched
	return nil
}

func (d *Dumper) str(s string)   { d.out = append(d.out, s...) }
func (d *Dumper) end()           { d.str(";\n\n") }
func (d *Dumper) num(n uint64)   { d.out = strconv.AppendUint(d.out, n, 10) }
func (d *Dumper) line(level int) { d.out = append(d.out, '\n'); d.indent(level) }

func (d *Dumper) indent(level int) {
	for range level {
		d.out = append(d.out, '\t')
	}
}

// tag writes "struct name", "union name" or "enum name".
func (d *Dumper) tag(t btf.Type) {
	switch {
	case t.Kind().IsEnum():
		d.str("enum")
	case t.Kind() == btf.KindUnion:
		d.str("union")
	default:
		d.str("struct")
	}
	if t.NameOff() != 0 {
		d.out = append(d.out, ' ')
		d.name(t, d.tags)
	}
}

// fwd writes a forward declaration of the BTF itself.
func (d *Dumper) fwd(t btf.Type) {
	if t.FwdKind() == btf.KindUnion {
		d.str("union ")
	} else {
		d.str("struct ")
	}
	d.name(t, d.tags)
}

// typedefDef writes a typedef. GCC once wrote __gnuc_va_list as a typedef of void; the compiler's
// own type takes its place.
func (d *Dumper) typedefDef(t btf.Type) error {
	name := t.Name()
	switch {
	case name == vaList:
		return nil
	case name == "__gnuc_va_list" && t.Ref() == 0:
		d.str("typedef " + vaList + " __gnuc_va_list")
	default:
		d.str("typedef ")
		if err := d.decl(t.Ref(), d.identOf(t), 0, 0); err != nil {
			return err
		}
	}
	d.end()
	return nil
}

// polyTypes are types that GCC has for Arm vectors and clang for BPF doesn't.
var polyTypes = [...][2]string{
	{"__Poly8_t", "unsigned char"},
	{"__Poly16_t", "unsigned short"},
	{"__Poly64_t", "unsigned long long"},
	{"__Poly128_t", "unsigned __int128"},
}

func (d *Dumper) emitAlias(t btf.Type) {
	name := t.Name()
	for _, p := range polyTypes {
		if name == p[0] {
			d.str("typedef " + p[1] + " " + name)
			d.end()
		}
	}
}

// enumDef writes an enum with its enumerators. The mode attribute gives it the size it has.
func (d *Dumper) enumDef(t btf.Type, level int) {
	d.tag(t)
	if t.Vlen() == 0 {
		return
	}
	wide := t.Kind() == btf.KindEnum64
	high := false // a value that needs 64 bits
	d.str(" {")
	for i := range t.Vlen() {
		e := t.Enumerator(i)
		d.line(level + 1)
		d.ident(e.Name)
		d.str(" = ")
		if t.KFlag() {
			d.out = strconv.AppendInt(d.out, e.Value, 10)
		} else {
			d.num(uint64(e.Value))
		}
		if wide {
			high = high || uint64(e.Value)>>32 != 0
			if t.KFlag() {
				d.str("LL")
			} else {
				d.str("ULL")
			}
		}
		d.out = append(d.out, ',')
	}
	d.line(level)
	d.out = append(d.out, '}')
	switch {
	case t.Size() == 1:
		d.str(" __attribute__((mode(byte)))")
	case t.Size() == 8 && d.ptrSize == 8 && !high:
		d.str(" __attribute__((mode(word)))")
	}
}

// compositeDef writes a struct or union with its members.
func (d *Dumper) compositeDef(t btf.Type, level, depth int) error {
	isStruct := t.Kind() == btf.KindStruct
	packed := isStruct && d.isPacked(t)
	d.tag(t)
	d.str(" {")
	bits := uint64(0) // offset of the end of the last member
	inBits := false
	for i := range t.Vlen() {
		m := t.Member(i)
		at := uint64(m.BitOffset)
		align := uint32(1)
		if !packed {
			align = d.alignOf(m.Type, 0)
		}
		d.pad(bits, at, align, inBits && m.BitSize != 0, level+1)
		d.line(level + 1)
		if err := d.decl(m.Type, identifier(m.Name), level+1, depth+1); err != nil {
			return err
		}
		inBits = m.BitSize != 0
		size := uint64(m.BitSize)
		if inBits {
			d.str(": ")
			d.num(size)
		} else if n, err := d.spec.SizeOf(m.Type); err == nil {
			size = n * 8
		}
		bits = at + size
		d.out = append(d.out, ';')
	}
	if isStruct {
		align := uint32(1)
		if !packed {
			align = d.alignOf(t.ID(), 0)
		}
		d.pad(bits, uint64(t.Size())*8, align, false, level+1)
	}
	if t.Vlen() > 0 || t.Size() > 0 {
		d.line(level)
	}
	d.out = append(d.out, '}')
	if packed {
		d.str(" __attribute__((packed))")
	}
	return nil
}
