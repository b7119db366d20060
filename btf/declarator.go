package btf

import (
	"strconv"
	"strings"
)

// Limits on a printed type: its depth, the types visited and the bytes of names; the rest becomes
// "...".
const (
	maxDeclDepth = 32
	maxDeclSteps = 256
	maxDeclNames = 1 << 14
)

// CString returns a type in C's notation, for messages and column heads: "struct event *",
// "unsigned int[4]", "int (*)(void *, ...)", "const char". Anonymous composites are "struct {...}";
// a FUNC or VAR is written as its declaration, and parameters have their names if they have any.
// Malformed types are written as far as possible, with "?" for the rest.
func (s *Spec) CString(id ID) string { return s.CDecl(id, "") }

// CDecl returns the declaration of name with the type: "struct event *name", "unsigned int
// name[4]".
func (s *Spec) CDecl(id ID, name string) string {
	d := declarator{spec: s, steps: maxDeclSteps, names: maxDeclNames}
	return d.declare(id, name, maxDeclDepth)
}

type declarator struct {
	spec  *Spec
	steps int // types that may still be visited
	names int // bytes of names that may still be written
}

// name counts a name's bytes against the limit.
func (d *declarator) name(s string) string {
	if d.names -= len(s); d.names < 0 {
		return "..."
	}
	return s
}

// declare works from the name outwards: decl is the text around the name so far.
func (d *declarator) declare(id ID, decl string, depth int) string {
	quals := "" // qualifiers since the last declarator, which belong to the next type
	for ; depth > 0 && d.steps > 0; depth, d.steps = depth-1, d.steps-1 {
		t, ok := d.spec.Type(id)
		if !ok {
			return specifier(quals, "?", decl)
		}
		switch k := t.Kind(); k {
		case KindPtr:
			star := "*"
			if quals != "" {
				star += quals[:len(quals)-1] // "*const"
				if decl != "" && decl[0] != '[' && decl[0] != ')' {
					star += " "
				}
			}
			quals = ""
			decl = star + decl
			id = t.Ref()
			if next := d.behind(id); next == KindArray || next == KindFuncProto {
				decl = "(" + decl + ")"
			}
		case KindArray:
			a := t.Array()
			decl += "[" + strconv.FormatUint(uint64(a.Nelems), 10) + "]"
			id = a.Elem
		case KindFuncProto:
			quals = ""
			decl += d.params(t, depth-1)
			id = t.Ref()
		case KindConst:
			quals = addQual(quals, "const ")
			id = t.Ref()
		case KindVolatile:
			quals = addQual(quals, "volatile ")
			id = t.Ref()
		case KindRestrict:
			quals = addQual(quals, "restrict ")
			id = t.Ref()
		case KindTypeTag, KindDeclTag:
			id = t.Ref()
		case KindFunc, KindVar:
			if decl == "" {
				decl = d.name(t.Name())
			}
			id = t.Ref()
		default:
			return specifier(quals, d.name(typeName(t)), decl)
		}
	}
	return specifier(quals, "...", decl)
}

// addQual adds a qualifier in front, but only once: an array and its elements may both have it.
func addQual(quals, q string) string {
	if strings.Contains(quals, q) {
		return quals
	}
	return q + quals
}

// behind returns the kind below qualifiers, which determines parentheses.
func (d *declarator) behind(id ID) Kind {
	for range maxDeclDepth {
		t, ok := d.spec.Type(id)
		if !ok {
			break
		}
		switch t.Kind() {
		case KindConst, KindVolatile, KindRestrict, KindTypeTag, KindDeclTag:
			id = t.Ref()
		default:
			return t.Kind()
		}
	}
	return KindVoid
}

// specifier joins type name and declarator: "int", "int *", "int[3]", "int x".
func specifier(quals, name, decl string) string {
	if decl != "" && decl[0] != '[' {
		name += " "
	}
	return quals + name + decl
}

func (d *declarator) params(t Type, depth int) string {
	// clang writes (void) as a lone "..."
	if t.Vlen() == 0 || t.Vlen() == 1 && t.Param(0).Type == 0 {
		return "(void)"
	}
	out := "("
	for i := range t.Vlen() {
		if i > 0 {
			out += ", "
		}
		p := t.Param(i)
		if p.Type == 0 || d.steps <= 0 {
			out += "..."
			break
		}
		out += d.declare(p.Type, d.name(p.Name), depth)
	}
	return out + ")"
}

// typeName returns the C name of a type that needs no declarator.
func typeName(t Type) string {
	tag := ""
	switch t.Kind() {
	case KindVoid:
		return "void"
	case KindStruct:
		tag = "struct "
	case KindUnion:
		tag = "union "
	case KindEnum, KindEnum64:
		tag = "enum "
	case KindFwd:
		tag = "struct "
		if t.KFlag() {
			tag = "union "
		}
	case KindDatasec:
		return "SEC(\"" + t.Name() + "\")"
	}
	switch name := t.Name(); {
	case name != "":
		return tag + name
	case tag != "":
		return tag + "{...}"
	}
	return "?"
}
