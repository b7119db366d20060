package maprules

import (
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/uapi"
)

// Fields is a set of struct members that have a meaning to the kernel.
type Fields uint32

// Members with a meaning. Local storages accept some of them; other maps that refuse them are
// created without BTF, and have ordinary members there.
const (
	SpinLock Fields = 1 << iota
	ResSpinLock
	Timer
	WorkQueue
	TaskWork
	ListHead
	RBRoot
	Refcount
	Kptr
	Uptr

	locks = SpinLock | ResSpinLock
	roots = ListHead | RBRoot
	once  = locks | Timer | WorkQueue | TaskWork // in a struct, and not in arrays
)

// specials are the structs that are such members.
var specials = [...]struct {
	kind        Fields
	name        string
	size, align uint32
	node        string // what is in a list or tree
}{
	{SpinLock, "bpf_spin_lock", 4, 4, ""},
	{ResSpinLock, "bpf_res_spin_lock", 4, 4, ""},
	{Timer, "bpf_timer", 16, 8, ""},
	{WorkQueue, "bpf_wq", 16, 8, ""},
	{TaskWork, "bpf_task_work", 8, 8, ""},
	{ListHead, "bpf_list_head", 16, 8, "bpf_list_node"},
	{RBRoot, "bpf_rb_root", 16, 8, "bpf_rb_node"},
	{Refcount, "bpf_refcount", 4, 4, ""},
}

// Special holds the special fields of a map's value.
type Special struct {
	Direct Fields // found by kernels before 6.11: members of the value itself
	Nested Fields // found since 6.11: also in structs and arrays within it
}

// SpecialFields finds the special fields of a value as the kernel does (btf_parse_fields), which
// sees none in a value that it finds malformed.
func SpecialFields(s *btf.Spec, value btf.ID) Special {
	t := s.Skip(value)
	if t.Kind() != btf.KindStruct {
		return Special{}
	}
	direct, nested := walk{s: s}, walk{s: s, deep: true}
	return Special{Direct: direct.fields(t), Nested: nested.fields(t)}
}

const (
	mostFields = 11 // BTF_FIELDS_MAX
	deepest    = 32 // MAX_RESOLVE_DEPTH
)

// walk searches a value for special fields.
type walk struct {
	s    *btf.Spec
	deep bool // in structs and arrays, too
}

// special is a special field at an offset in the value.
type special struct {
	kind      Fields
	off, size uint64
}

// fields returns the fields of a value, none if it is malformed.
func (w *walk) fields(t btf.Type) (all Fields) {
	list, ok := w.inStruct(t, 0, mostFields)
	end := uint64(0)
	for _, f := range list {
		if ok = ok && f.off >= end && f.off+f.size <= uint64(t.Size()); !ok {
			return 0
		}
		end = f.off + f.size
		all |= f.kind
	}
	if !ok || all&locks == locks || all&roots != 0 && all&locks == 0 {
		return 0
	}
	return all
}

// inStruct returns the fields in a struct, up to room of them, by their offsets in it.
func (w *walk) inStruct(t btf.Type, level, room int) (list []special, ok bool) {
	var seen Fields
	for i := range t.Vlen() {
		m := t.Member(i)
		if m.BitOffset%8 != 0 {
			return nil, false
		}
		found, ok := w.inMember(t, i, &seen, level, room-len(list))
		if !ok {
			return nil, false
		}
		for _, f := range found {
			f.off += uint64(m.BitOffset / 8)
			list = append(list, f)
		}
	}
	return list, true
}

// inMember returns the fields in member i of a struct, by their offsets in the member.
func (w *walk) inMember(in btf.Type, i int, seen *Fields, level, room int) ([]special, bool) {
	t, _ := w.s.Type(in.Member(i).Type)
	n := uint64(1)
	for depth := 0; w.deep && t.Kind() == btf.KindArray; depth++ {
		if depth == deepest {
			return nil, false
		}
		a := t.Array()
		n *= uint64(a.Nelems)
		t, _ = w.s.Type(a.Elem)
	}
	if n == 0 {
		return nil, true
	}
	for _, x := range specials {
		if t.Name() != x.name {
			continue
		}
		if x.kind&once != 0 && *seen&x.kind != 0 {
			return nil, false
		}
		*seen |= x.kind
		switch {
		case in.Member(i).BitOffset/8%x.align != 0, t.Kind() != btf.KindStruct, t.Size() != x.size:
			return nil, true
		case x.node != "" && !w.contains(in, i, x.node):
			return nil, false
		}
		return repeated([]special{{x.kind, 0, uint64(x.size)}}, n, uint64(x.size), room)
	}
	if t.Kind() != btf.KindStruct {
		kind, ok := w.pointer(t)
		if kind == 0 || !ok || in.Member(i).BitOffset%64 != 0 {
			return nil, ok
		}
		return repeated([]special{{kind, 0, 8}}, n, 8, room)
	}
	if !w.deep {
		return nil, true
	}
	if level+1 >= deepest {
		return nil, false
	}
	list, ok := w.inStruct(t, level+1, room)
	if !ok || len(list) == 0 {
		return nil, ok
	}
	return repeated(list, n, uint64(t.Size()), room)
}

// repeated returns the fields of n elements of an array.
func repeated(list []special, n, size uint64, room int) (all []special, ok bool) {
	if n > uint64(max(room, 0)/len(list)) {
		return nil, false
	}
	for i := range n {
		for _, f := range list {
			if n > 1 && f.kind&(Kptr|Uptr|roots) == 0 {
				return nil, false
			}
			f.off += i * size
			all = append(all, f)
		}
	}
	return all, true
}

// contains reports whether a member has the tag that says what a list or tree holds: a struct and
// its member that is a node.
func (w *walk) contains(in btf.Type, i int, node string) bool {
	what, tags := "", 0
	for t := range w.s.Types() {
		if t.Kind() != btf.KindDeclTag || t.Ref() != in.ID() || int(t.Component()) != i {
			continue
		}
		if text, ok := strings.CutPrefix(t.Name(), "contains:"); ok {
			what = text
			tags++
		}
	}
	name, field, _ := strings.Cut(what, ":")
	id, found := w.s.FindByName(name, btf.KindStruct)
	if tags != 1 || !found || field == "" {
		return false
	}
	held, _ := w.s.Type(id)
	for j := range held.Vlen() {
		m := held.Member(j)
		if m.Name != field {
			continue
		}
		t, _ := w.s.Type(m.Type)
		return t.Kind() == btf.KindStruct && t.Name() == node && m.BitOffset%64 == 0
	}
	return false
}

// pointer recognises pointers to objects of the kernel (kptr) and of processes (uptr). ok is false
// for tags that the kernel doesn't know.
func (w *walk) pointer(t btf.Type) (kind Fields, ok bool) {
	if t.Kind() == btf.KindVolatile {
		t, _ = w.s.Type(t.Ref())
	}
	if t.Kind() != btf.KindPtr || t.Ref() == 0 {
		return 0, true
	}
	tag, _ := w.s.Type(t.Ref())
	if tag.Kind() != btf.KindTypeTag {
		return 0, true
	}
	if to, _ := w.s.Type(tag.Ref()); to.Kind() == btf.KindTypeTag ||
		w.s.Skip(tag.Ref()).Kind() != btf.KindStruct {
		return 0, false
	}
	switch tag.Name() {
	case "kptr", "kptr_ref", "kptr_untrusted", "percpu_kptr":
		return Kptr, true
	case "uptr":
		return Uptr, true
	}
	return 0, false
}

// special refuses special fields that a local storage doesn't take, where the kernel knows them.
func (f *finding) special() {
	v := f.k.Version
	has := f.Special.Nested
	if v != 0 && !facts.AtLeast(v, "6.11") &&
		(has&^locks != 0 || has != f.Special.Direct) {
		f.unsure("the value has special fields: which of them %s takes before Linux 6.11 is not known",
			f.rule.name)
		return
	}
	for _, x := range specials {
		if has&x.kind&^(locks|Refcount) == 0 {
			continue
		}
		switch {
		case f.k.Sizeof == nil || v == 0 && f.Special.Direct&x.kind == 0:
			f.unsure("the value has a %s: %s takes none where the kernel knows it", x.name,
				f.rule.name)
		case f.k.Sizeof(x.name) != 0:
			f.broken("the value has a %s: %s takes none", x.name, f.rule.name)
		}
	}
	if has&Uptr != 0 && f.Type != uapi.MapTaskStorage && (v == 0 || facts.AtLeast(v, "6.13")) {
		f.list = append(f.list, Breach{
			Text:   "the value has a uptr: " + f.rule.name + " takes none, a task storage does",
			Unsure: v == 0,
		})
	}
}
