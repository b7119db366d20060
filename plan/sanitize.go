package plan

import (
	"encoding/binary"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
)

// Sanitising BTF
//
// A kernel refuses BTF with a kind that it does not know. Unknown kinds are replaced by older ones
// of the same size in the file, so that every type keeps its id: functions become typedefs,
// variables integers, sections structs. Debug information is lost, but the layout of map keys and
// values is kept. The kernel is asked only about kinds that the object uses, and the BTF is copied
// only if a kind is missing.

// uploadsBTF reports whether the object's BTF is given to the kernel.
func (r *resolver) uploadsBTF() bool { return r.o.BTF != nil && r.has(facts.BTFLoad) }

// builder returns the BTF to upload, open for changes.
func (r *resolver) builder() *btf.Builder {
	if r.edit == nil {
		r.edit = r.o.BTF.Edit()
	}
	return r.edit
}

// finishBTF sets the BTF to upload.
func (r *resolver) finishBTF() error {
	for _, m := range r.o.Maps {
		if m.Kind == object.MapStructOps {
			r.p.BTFNeeded = true
		}
	}
	if r.o.BTF == nil {
		return nil
	}
	if !r.uploadsBTF() {
		why, err := "this kernel takes none", r.unknown[facts.BTFLoad]
		if err != nil {
			why = "it is unknown whether this kernel takes any"
		}
		if r.p.BTFNeeded {
			return r.fail("BTF", "", CodeNotSupported, "struct_ops needs it and "+why, err)
		}
		r.event(EventSkipped, "BTF", why+
			": maps go without type information, programs without function and line information")
		return nil
	}
	r.hideSubprogs()
	r.sanitize()
	if r.edit == nil {
		r.p.BTF = r.o.BTF.HostBytes()
		return nil
	}
	r.p.BTF, r.p.btfChanged = r.edit.Bytes(), true
	if err := r.edit.Err(); err != nil {
		return r.fail("BTF", "", CodeInvalid, "cannot be changed for this kernel", err)
	}
	for _, n := range r.renames {
		rename(r.p.BTF, n)
	}
	if r.dropLayout {
		r.p.BTF = withoutLayout(r.p.BTF)
	}
	return nil
}

// hideSubprogs makes the BTF linkage of hidden subprograms static, so that the verifier checks them
// in the context of each call instead of once for any argument. libbpf does this for __hidden
// functions.
func (r *resolver) hideSubprogs() {
	var hidden map[string]bool
	for _, f := range r.o.Subprogs {
		if f.Hidden {
			if hidden == nil {
				hidden = make(map[string]bool)
			}
			hidden[f.Name] = true
		}
	}
	if hidden == nil {
		return
	}
	for id := r.o.BTF.FirstID(); id < r.o.BTF.Len(); id++ {
		t, _ := r.o.BTF.Type(id)
		if t.Kind() != btf.KindFunc || t.Linkage() != btf.LinkageGlobal || !hidden[t.Name()] {
			continue
		}
		delete(hidden, t.Name()) // only the first of that name
		r.builder().SetLinkage(id, btf.LinkageStatic)
		r.event(EventResolved, t.Name(), "hidden function: BTF linkage becomes static")
	}
}

// sanitizer replaces kinds. Each flag is a kind that the object has and the kernel lacks.
type sanitizer struct {
	r *resolver
	b *btf.Builder

	noFunc, noGlobal, noDatasec, noQmark, noFloat, noDeclTag, noTypeTag, noEnum64 bool

	placeholder btf.ID // INT that replaces the type of ENUM64 values
}

// sanitize replaces the kinds that this kernel does not know.
func (r *resolver) sanitize() {
	i := &r.info
	lacks := func(uses bool, f facts.Feature, text string) bool {
		if !uses || r.has(f) {
			return false
		}
		r.event(EventSanitized, "BTF", text)
		return true
	}
	z := sanitizer{r: r}
	z.noFunc = lacks(i.holds(btf.KindFunc) || i.holds(btf.KindFuncProto), facts.BTFFunc,
		"FUNC becomes TYPEDEF, FUNC_PROTO becomes ENUM; no function and line information")
	z.noGlobal = !z.noFunc && lacks(i.globalFunc, facts.BTFGlobalFunc,
		"global functions become static")
	z.noDatasec = lacks(i.holds(btf.KindVar) || i.holds(btf.KindDatasec), facts.BTFDatasec,
		"VAR becomes INT, DATASEC becomes STRUCT")
	z.noQmark = !z.noDatasec && lacks(i.qmark, facts.BTFQmarkDatasec,
		"'?' in DATASEC names becomes '_'")
	z.noFloat = lacks(i.holds(btf.KindFloat), facts.BTFFloat, "FLOAT becomes an empty STRUCT")
	z.noDeclTag = lacks(i.holds(btf.KindDeclTag), facts.BTFDeclTag, "DECL_TAG becomes INT")
	z.noTypeTag = lacks(i.holds(btf.KindTypeTag), facts.BTFTypeTag, "TYPE_TAG becomes CONST")
	z.noEnum64 = lacks(i.holds(btf.KindEnum64) || i.signedEnum, facts.BTFEnum64,
		"ENUM64 becomes UNION, signed ENUM loses its sign")
	if lacks(i.layout, facts.BTFLayout, "the kind layout section is left out") {
		r.dropLayout = true
		r.builder()
	}
	if z.noFunc || z.noGlobal || z.noDatasec || z.noQmark || z.noFloat || z.noDeclTag ||
		z.noTypeTag || z.noEnum64 {
		z.b = r.builder()
		z.run()
	}
}

// run walks the object's types, but not those added for this kernel. Views of the object's own BTF
// stay valid and unchanged while the builder's copy changes.
func (z *sanitizer) run() {
	s := z.r.o.BTF
	for id := s.FirstID(); id < s.Len(); id++ {
		t, _ := s.Type(id)
		switch k := t.Kind(); {
		case k == btf.KindVar && z.noDatasec, k == btf.KindDeclTag && z.noDeclTag:
			z.integer(id)
		case k == btf.KindDatasec && z.noDatasec:
			z.datasec(id, t)
		case k == btf.KindDatasec && z.noQmark && strings.HasPrefix(t.Name(), "?"):
			z.r.renames = append(z.r.renames, renaming{t.NameOff(), 1})
		case k == btf.KindFuncProto && z.noFunc:
			z.b.SetInfo(id, btf.KindEnum, t.Vlen(), false)
			z.b.SetSize(id, 4)
		case k == btf.KindFunc && z.noFunc:
			z.b.SetInfo(id, btf.KindTypedef, 0, false)
		case k == btf.KindFunc && z.noGlobal:
			z.b.SetLinkage(id, btf.LinkageStatic)
		case k == btf.KindFloat && z.noFloat:
			z.b.SetName(id, "") // "float" is not a valid struct name
			z.b.SetInfo(id, btf.KindStruct, 0, false)
		case k == btf.KindTypeTag && z.noTypeTag:
			z.b.SetName(id, "")
			z.b.SetInfo(id, btf.KindConst, 0, false)
		case k == btf.KindEnum && z.noEnum64:
			z.b.SetInfo(id, btf.KindEnum, t.Vlen(), false)
		case k == btf.KindEnum64 && z.noEnum64:
			z.enum64(id, t)
		}
	}
}

// integer makes a variable or tag an INT of one byte; a larger one could exceed the variable's
// space in its section.
func (z *sanitizer) integer(id btf.ID) {
	z.b.SetInfo(id, btf.KindInt, 0, false)
	z.b.SetSize(id, 1)
	if rec := z.b.Record(id); len(rec) >= 16 {
		binary.NativeEndian.PutUint32(rec[12:], 8) // encoding 0, offset 0, 8 bits
	}
}

// datasec makes a section a struct of its variables.
func (z *sanitizer) datasec(id btf.ID, t btf.Type) {
	z.r.renames = append(z.r.renames, renaming{t.NameOff(), len(t.Name())})
	z.b.SetInfo(id, btf.KindStruct, t.Vlen(), false)
	for i := range t.Vlen() {
		v := t.SecVar(i)
		vt, _ := z.r.o.BTF.Type(v.Type)
		z.b.SetMember(id, i, btf.Member{Name: vt.Name(), Type: v.Type, BitOffset: v.Offset * 8})
	}
}

// enum64 makes a 64-bit enum a union whose members have its names.
func (z *sanitizer) enum64(id btf.ID, t btf.Type) {
	if z.placeholder == 0 {
		z.placeholder = z.b.AddInt("enum64_placeholder", 1, 0)
	}
	z.b.SetInfo(id, btf.KindUnion, t.Vlen(), false)
	for i := range t.Vlen() {
		z.b.SetMember(id, i, btf.Member{Name: t.Enumerator(i).Name, Type: z.placeholder})
	}
}

// renaming replaces '.' and '?' by '_' in the first n characters of a string. Names of sections are
// not shared, so this is done in place, as in libbpf.
type renaming struct {
	off uint32
	n   int
}

// rename applies n to BTF in host byte order.
func rename(raw []byte, n renaming) {
	h := binary.NativeEndian
	at := uint64(h.Uint32(raw[4:])) + uint64(h.Uint32(raw[16:])) + uint64(n.off)
	if at+uint64(n.n) > uint64(len(raw)) {
		return
	}
	for i, c := range raw[at : at+uint64(n.n)] {
		if c == '.' || c == '?' {
			raw[at+uint64(i)] = '_'
		}
	}
}

// withoutLayout returns BTF in host byte order without its kind layout section and with the old
// header.
func withoutLayout(raw []byte) []byte {
	const old = 24
	h := binary.NativeEndian
	if len(raw) < 32 || h.Uint32(raw[4:]) < 32 {
		return raw
	}
	body := raw[h.Uint32(raw[4:]):]
	types := body[h.Uint32(raw[8:]):][:h.Uint32(raw[12:])]
	strs := body[h.Uint32(raw[16:]):][:h.Uint32(raw[20:])]
	out := append(make([]byte, 0, old+len(types)+len(strs)), raw[:old]...)
	h.PutUint32(out[4:], old)
	h.PutUint32(out[8:], 0)
	h.PutUint32(out[16:], uint32(len(types)))
	return append(append(out, types...), strs...)
}
