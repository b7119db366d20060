package cdump

import (
	"fmt"

	"github.com/purebpf/bpf/btf"
)

// Decl writes the declaration of a member, variable, parameter or typedef called name of type id,
// without the declarations it needs (libbpf btf_dump__emit_type_decl). Anonymous structs, unions
// and enums are written in place, indented by level tabs.
func (d *Dumper) Decl(id btf.ID, name string, level int) error {
	if d.err != nil {
		return d.err
	}
	if err := d.decl(id, identifier(name), level, 0); err != nil {
		return d.fail(id, err)
	}
	return d.flush(flushAt)
}

// decl writes a declaration. BTF lists the declarators from the outside in, "array of pointer to
// const int"; C starts with the innermost type and wraps the declarators around the name. So decl
// collects the chain on the stack and chain writes it from the other end.
func (d *Dumper) decl(id btf.ID, name string, level, depth int) error {
	if err := d.step(depth); err != nil {
		return err
	}
	start := len(d.stack)
	defer func() { d.stack = d.stack[:start] }()
	for {
		if err := d.step(len(d.stack)); err != nil {
			return err
		}
		t, err := d.typ(id)
		if err != nil {
			return err
		}
		d.stack = append(d.stack, id)
		switch t.Kind() {
		case btf.KindPtr, btf.KindVolatile, btf.KindConst, btf.KindRestrict, btf.KindTypeTag,
			btf.KindFuncProto:
			id = t.Ref()
			continue
		case btf.KindArray:
			id = t.Array().Elem
			continue
		case btf.KindVoid, btf.KindInt, btf.KindFloat, btf.KindEnum, btf.KindEnum64, btf.KindFwd,
			btf.KindStruct, btf.KindUnion, btf.KindTypedef:
		default:
			return fmt.Errorf("type [%d] is a %v, which C can't declare", id, t.Kind())
		}
		return d.chain(start, name, level, depth)
	}
}

// chain writes the declarators of d.stack from start on, last one first, and removes them.
func (d *Dumper) chain(start int, name string, level, depth int) error {
	afterStar := true // no space is needed: nothing was written, or a star
	for len(d.stack) > start {
		t, _ := d.spec.Type(d.pop())
		kind := t.Kind()
		switch kind {
		case btf.KindPtr:
			if !afterStar {
				d.out = append(d.out, ' ')
			}
			d.out = append(d.out, '*')
		case btf.KindVolatile:
			d.str(" volatile")
		case btf.KindConst:
			d.str(" const")
		case btf.KindRestrict:
			d.str(" restrict")
		case btf.KindTypeTag:
			d.qualifiers(start)
			d.typeTag(t)
		case btf.KindArray:
			return d.array(t, start, name, level, depth, afterStar)
		case btf.KindFuncProto:
			return d.function(t, start, name, level, depth, afterStar)
		default:
			d.qualifiers(start)
			if err := d.base(t, level, depth); err != nil {
				return err
			}
		}
		afterStar = kind == btf.KindPtr
	}
	d.declName(name, afterStar)
	return nil
}

func (d *Dumper) pop() btf.ID {
	last := len(d.stack) - 1
	id := d.stack[last]
	d.stack = d.stack[:last]
	return id
}

func (d *Dumper) declName(name string, afterStar bool) {
	if name != "" && !afterStar {
		d.out = append(d.out, ' ')
	}
	d.str(name)
}

// qualifiers writes the qualifiers on top of the stack before the type that they qualify.
func (d *Dumper) qualifiers(start int) {
	for len(d.stack) > start {
		t, _ := d.spec.Type(d.stack[len(d.stack)-1])
		switch t.Kind() {
		case btf.KindVolatile:
			d.str("volatile ")
		case btf.KindConst:
			d.str("const ")
		case btf.KindRestrict:
			d.str("restrict ")
		default:
			return
		}
		d.pop()
	}
}

// dropQualifiers removes qualifiers of an array or a function. GCC writes them: the elements have
// them too, and for functions they mean noreturn.
func (d *Dumper) dropQualifiers(start int) {
	for len(d.stack) > start {
		t, _ := d.spec.Type(d.stack[len(d.stack)-1])
		switch t.Kind() {
		case btf.KindVolatile, btf.KindConst, btf.KindRestrict, btf.KindTypeTag:
			d.pop()
		default:
			return
		}
	}
}

// base writes the type at the end of a chain.
func (d *Dumper) base(t btf.Type, level, depth int) error {
	anonymous := t.NameOff() == 0
	switch t.Kind() {
	case btf.KindVoid:
		d.str("void")
	case btf.KindInt, btf.KindFloat:
		d.str(intName(t.Name()))
	case btf.KindTypedef:
		d.str(d.identOf(t))
	case btf.KindFwd:
		d.fwd(t)
	case btf.KindEnum, btf.KindEnum64:
		if anonymous {
			d.enumDef(t, level)
		} else {
			d.tag(t)
		}
	case btf.KindStruct, btf.KindUnion:
		if !anonymous {
			d.tag(t)
			return nil
		}
		return d.compositeDef(t, level, depth)
	}
	return nil
}

// typeTag writes a type tag: an attribute with the tag as its argument, or, with the kind flag, an
// attribute of that name.
func (d *Dumper) typeTag(t btf.Type) {
	if !t.KFlag() {
		d.str(" __attribute__((btf_type_tag(")
		d.quoted(t.Name())
		d.str(")))")
		return
	}
	if name := t.Name(); isAttribute(name) {
		d.str(" __attribute__((" + name + "))")
	}
}

func (d *Dumper) array(
	t btf.Type, start int, name string, level, depth int, afterStar bool,
) error {
	d.dropQualifiers(start)
	if len(d.stack) == start {
		d.declName(name, afterStar)
	} else {
		outer, _ := d.spec.Type(d.stack[len(d.stack)-1])
		parens := outer.Kind() != btf.KindArray
		if name != "" && !afterStar {
			d.out = append(d.out, ' ')
		}
		if parens {
			d.out = append(d.out, '(')
		}
		if err := d.chain(start, name, level, depth); err != nil {
			return err
		}
		if parens {
			d.out = append(d.out, ')')
		}
	}
	d.out = append(d.out, '[')
	d.num(uint64(t.Array().Nelems))
	d.out = append(d.out, ']')
	return nil
}

func (d *Dumper) function(
	t btf.Type, start int, name string, level, depth int, afterStar bool,
) error {
	d.dropQualifiers(start)
	if len(d.stack) == start {
		d.declName(name, afterStar)
	} else {
		d.str(" (")
		if err := d.chain(start, name, level, depth); err != nil {
			return err
		}
		d.out = append(d.out, ')')
	}
	d.out = append(d.out, '(')
	n := t.Vlen()
	if n == 0 || n == 1 && t.Param(0).Type == 0 { // clang writes (void) as one parameter of void
		d.str("void)")
		return nil
	}
	for i := range n {
		if i > 0 {
			d.str(", ")
		}
		p := t.Param(i)
		if i == n-1 && p.Type == 0 {
			d.str("...")
			break
		}
		if err := d.decl(p.Type, identifier(p.Name), level, depth+1); err != nil {
			return err
		}
	}
	d.out = append(d.out, ')')
	return nil
}
