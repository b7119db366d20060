package btf

import "strconv"

// maxDeclarator bounds the nesting of a printed type.
const maxDeclarator = 32

// CString writes a type the way C names it, for messages and column heads: "struct event *", "unsigned int[4]",
// "int (*)(void *, ...)", "const char". Anonymous composites are "struct {...}"; a FUNC or VAR is written as its declaration.
// Malformed types are written as far as they go, with "?" for the rest.
func (s *Spec) CString(id ID) string {
	return string(s.appendDecl(nil, id, "", maxDeclarator))
}

// CDecl writes the declaration of name as the type: "struct event *name", "unsigned int name[4]".
func (s *Spec) CDecl(id ID, name string) string {
	return string(s.appendDecl(nil, id, name, maxDeclarator))
}

// appendDecl works from the name outwards: decl is what has been written around the name so far.
func (s *Spec) appendDecl(dst []byte, id ID, decl string, depth int) []byte {
	quals := "" // qualifiers met since the last declarator, they belong to the type that follows
	for ; depth > 0; depth-- {
		t, ok := s.Type(id)
		if !ok {
			return specifier(dst, quals, "?", decl)
		}
		switch k := t.Kind(); k {
		case KindPtr:
			star := "*"
			if quals != "" {
				star += quals[:len(quals)-1] // "*const"
				if decl != "" && decl[0] != '[' && decl[0] != '(' && decl[0] != ')' {
					star += " "
				}
			}
			quals = ""
			decl = star + decl
			id = t.Ref()
			if next, ok := s.declared(id); ok && (next == KindArray || next == KindFuncProto) {
				decl = "(" + decl + ")"
			}
		case KindArray:
			a := t.Array()
			decl += "[" + strconv.FormatUint(uint64(a.Nelems), 10) + "]"
			id = a.Elem
		case KindFuncProto:
			quals = ""
			decl += string(s.appendParams(nil, t, depth-1))
			id = t.Ref()
		case KindConst:
			quals = "const " + quals
			id = t.Ref()
		case KindVolatile:
			quals = "volatile " + quals
			id = t.Ref()
		case KindRestrict:
			quals = "restrict " + quals
			id = t.Ref()
		case KindTypeTag, KindDeclTag:
			id = t.Ref()
		case KindFunc, KindVar:
			if decl == "" {
				decl = t.Name()
			}
			id = t.Ref()
		default:
			return specifier(dst, quals, typeName(t), decl)
		}
	}
	return specifier(dst, quals, "?", decl)
}

// declared is the kind below qualifiers, which decides about parentheses.
func (s *Spec) declared(id ID) (Kind, bool) {
	for range maxDeclarator {
		t, ok := s.Type(id)
		if !ok {
			return 0, false
		}
		switch t.Kind() {
		case KindConst, KindVolatile, KindRestrict, KindTypeTag, KindDeclTag:
			id = t.Ref()
		default:
			return t.Kind(), true
		}
	}
	return 0, false
}

// specifier puts type name and declarator together: "int", "int *", "int[3]", "int x".
func specifier(dst []byte, quals, name, decl string) []byte {
	dst = append(append(dst, quals...), name...)
	if decl != "" && decl[0] != '[' {
		dst = append(dst, ' ')
	}
	return append(dst, decl...)
}

func (s *Spec) appendParams(dst []byte, t Type, depth int) []byte {
	dst = append(dst, '(')
	for i := range t.Vlen() {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if i == 16 { // nobody reads on, and nested signatures would multiply
			dst = append(dst, "..."...)
			break
		}
		p := t.Param(i)
		if p.Type == 0 {
			dst = append(dst, "..."...)
			continue
		}
		dst = s.appendDecl(dst, p.Type, "", depth/2)
	}
	if t.Vlen() == 0 {
		dst = append(dst, "void"...)
	}
	return append(dst, ')')
}

// typeName is what C calls a type that needs no declarator.
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
