package xlated

import (
	"strconv"

	"github.com/purebpf/bpf/btf"
)

// Signature returns the declaration of a function as bpftool prints it: "int f(struct xdp_md *
// ctx)"; "" if id is no function.
func Signature(s *btf.Spec, id btf.ID) string {
	if s == nil {
		return ""
	}
	f, ok := s.Type(id)
	if !ok || f.Kind() != btf.KindFunc {
		return ""
	}
	proto, ok := s.Type(f.Ref())
	if !ok || proto.Kind() != btf.KindFuncProto {
		return ""
	}
	text := typeText(s, proto.Ref(), 0) + f.Name() + "("
	for i := range proto.Vlen() {
		p := proto.Param(i)
		if i > 0 {
			text += ", "
		}
		if p.Type == 0 && p.Name == "" {
			text += "..."
			continue
		}
		text += typeText(s, p.Type, 0) + p.Name
	}
	return text + ")"
}

// mostNested limits how deep types may be nested.
const mostNested = 32

// typeText returns a type as it stands before a name, with a space after it.
func typeText(s *btf.Spec, id btf.ID, depth int) string {
	t, ok := s.Type(id)
	if id == 0 || !ok || depth > mostNested {
		return "void "
	}
	inner := func() string { return typeText(s, t.Ref(), depth+1) }
	switch t.Kind() {
	case btf.KindStruct:
		return "struct " + t.Name() + " "
	case btf.KindUnion:
		return "union " + t.Name() + " "
	case btf.KindEnum, btf.KindEnum64:
		return "enum " + t.Name() + " "
	case btf.KindFwd:
		if t.FwdKind() == btf.KindUnion {
			return "union " + t.Name() + " "
		}
		return "struct " + t.Name() + " "
	case btf.KindPtr:
		return inner() + "* "
	case btf.KindConst:
		return "const " + inner()
	case btf.KindVolatile:
		return "volatile " + inner()
	case btf.KindRestrict:
		return "restrict " + inner()
	case btf.KindTypeTag, btf.KindDeclTag:
		return inner()
	case btf.KindArray:
		a := t.Array()
		return typeText(s, a.Elem, depth+1) + "[" + strconv.FormatUint(uint64(a.Nelems), 10) + "]"
	case btf.KindFuncProto:
		text := inner() + "("
		for i := range t.Vlen() {
			if i > 0 {
				text += ", "
			}
			text += typeText(s, t.Param(i).Type, depth+1)
		}
		return text + ")"
	}
	return t.Name() + " "
}
