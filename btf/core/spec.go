package core

import (
	"strconv"
	"strings"

	"github.com/purebpf/bpf/btf"
)

// maxSpecLen is the maximum number of numbers in an access string, and of steps in a target access
// (BPF_CORE_SPEC_MAX_LEN).
const maxSpecLen = 64

// accessor is one step that counts when an access is matched: a named member or an array element.
type accessor struct {
	typ  btf.ID // struct or union of the member; type of the element
	idx  uint32 // member or element index; for an enumerator its index
	name string // "" for an array step
}

// spec is an access of a type: its steps and its result.
type spec struct {
	btf  *btf.Spec
	root btf.ID
	kind Kind
	bits uint64 // offset of the result, in bits
	acc  [maxSpecLen]accessor
	n    int // accessors in use
	raw  [maxSpecLen]uint32
	nraw int // indices in use, unnamed members included
}

func (s *spec) reset(b *btf.Spec, root btf.ID, kind Kind) {
	s.btf, s.root, s.kind = b, root, kind
	s.bits, s.n, s.nraw = 0, 0, 0
}

func (s *spec) push(a accessor) {
	s.acc[s.n] = a
	s.n++
}

func (s *spec) pushRaw(idx uint32) {
	s.raw[s.nraw] = idx
	s.nraw++
}

// advance moves the spec by n elements of size bytes.
func (s *spec) advance(n uint32, size uint64) error {
	if size > 1<<32 {
		return errorf(e2big, "element of %d bytes is too large", size)
	}
	s.bits += uint64(n) * size * 8
	if s.bits > 1<<35 {
		return errorf(e2big, "offset of %d bytes is too large", s.bits/8)
	}
	return nil
}

// parseAccess reads "0:1:2" into raw.
func (s *spec) parseAccess(text string) error {
	i := 0
	for {
		start := i
		var v uint64
		for i < len(text) && text[i] >= '0' && text[i] <= '9' {
			v = v*10 + uint64(text[i]-'0')
			if v > 1<<31-1 {
				return errorf(einval, "access string %q: index too large", text)
			}
			i++
		}
		if i == start {
			return errorf(einval, "access string %q is malformed", text)
		}
		if s.nraw == maxSpecLen {
			return errorf(e2big, "access string of more than %d steps", maxSpecLen)
		}
		s.pushRaw(uint32(v))
		if i == len(text) {
			return nil
		}
		if text[i] != ':' {
			return errorf(einval, "access string %q is malformed", text)
		}
		i++
	}
}

// parse fills s with the local access that r describes.
func (s *spec) parse(local *btf.Spec, r Relo) error {
	s.reset(local, r.Type, r.Kind)
	if _, ok := local.Type(r.Type); !ok {
		return errorf(einval, "type id %d is not in the object's BTF", r.Type)
	}
	switch r.Kind.class() {
	case classType:
		if r.Access != "0" {
			return errorf(einval, "access string of a type relocation is %q, want \"0\"", r.Access)
		}
		return nil
	case classUnknown:
		return errorf(einval, "unknown relocation kind %d", uint32(r.Kind))
	}
	if err := s.parseAccess(r.Access); err != nil {
		return err
	}
	t := local.Skip(r.Type)
	if r.Kind.class() == classEnumval {
		if !t.Kind().IsEnum() || s.nraw > 1 || s.raw[0] >= uint32(t.Vlen()) {
			return errorf(einval, "access string %q names no enumerator of %s",
				r.Access, typeText(t))
		}
		s.push(accessor{t.ID(), s.raw[0], t.Enumerator(int(s.raw[0])).Name})
		return nil
	}

	s.push(accessor{typ: t.ID(), idx: s.raw[0]})
	size, err := local.SizeOf(t.ID())
	if err != nil {
		return errorf(einval, "%s has no size: %v", typeText(t), err)
	}
	if err := s.advance(s.raw[0], size); err != nil {
		return err
	}
	for i := 1; i < s.nraw; i++ {
		idx := s.raw[i]
		switch t.Kind() {
		case btf.KindStruct, btf.KindUnion:
			if idx >= uint32(t.Vlen()) {
				return errorf(einval, "access string %q: %s has %d members, no index %d",
					r.Access, typeText(t), t.Vlen(), idx)
			}
			m := t.Member(int(idx))
			s.bits += uint64(m.BitOffset)
			if m.Name != "" {
				s.push(accessor{t.ID(), idx, m.Name})
			}
			t = local.Skip(m.Type)
		case btf.KindArray:
			a := t.Array()
			if idx >= a.Nelems && !isFlexible(local, s.acc[s.n-1], a) {
				return errorf(einval, "access string %q: array of %d elements has no index %d",
					r.Access, a.Nelems, idx)
			}
			t = local.Skip(a.Elem)
			s.push(accessor{typ: t.ID(), idx: idx})
			size, err := local.SizeOf(t.ID())
			if err != nil {
				return errorf(einval, "%s has no size: %v", typeText(t), err)
			}
			if err := s.advance(idx, size); err != nil {
				return err
			}
		default:
			return errorf(einval, "access string %q goes into %s, which has no members",
				r.Access, typeText(t))
		}
	}
	return nil
}

// isFlexible reports whether a, reached by the accessor at, is a flexible array: without elements
// and last in its struct.
func isFlexible(s *btf.Spec, at accessor, a btf.Array) bool {
	if at.name == "" || a.Nelems > 0 {
		return false
	}
	t, ok := s.Type(at.typ)
	return ok && int(at.idx) == t.Vlen()-1
}

// sameKind reports whether two kinds can stand for each other: equal, or both an enum.
func sameKind(a, b btf.Kind) bool { return a == b || a.IsEnum() && b.IsEnum() }

// typeText returns "struct task_struct" or "struct <anon>".
func typeText(t btf.Type) string {
	kind := "void"
	if t.Kind() != btf.KindVoid {
		kind = strings.ToLower(t.Kind().String())
	}
	return kind + " " + nameText(t)
}

func nameText(t btf.Type) string {
	name := t.Name()
	switch {
	case name == "":
		return "<anon>"
	case len(name) > maxName:
		return name[:maxName] + "..."
	}
	return name
}

// Names and access strings may be of any length, and many relocations may share one; texts show at
// most this many bytes.
const (
	maxName  = 128 // of a type
	maxWords = 320 // of a relocation's description
)

// words is the description of a relocation, as far as there is room.
type words struct {
	n    int
	text [maxWords]byte
}

func (w *words) add(text string) { w.n += copy(w.text[w.n:], text) }

func (w *words) number(n uint64) {
	var digits [20]byte
	w.n += copy(w.text[w.n:], strconv.AppendUint(digits[:0], n, 10))
}

func (w *words) String() string {
	if w.n == maxWords {
		copy(w.text[maxWords-3:], "...")
	}
	return string(w.text[:w.n])
}

// Describe describes the relocation as libbpf logs it: "<byte_off> [12] struct task_struct.pid
// (0:35 @ offset 1256)". An access string that does not fit the type is shown unchanged. Text
// beyond 320 bytes is cut and ends in "...".
func Describe(local *btf.Spec, r Relo) string {
	var s spec
	if err := s.parse(local, r); err == nil {
		return s.String()
	}
	var w words
	if t, ok := local.Type(r.Type); ok {
		w.root(r.Kind, t)
		w.add(" + ")
	} else {
		w.add("<" + r.Kind.String() + "> [" + strconv.Itoa(int(r.Type)) + "] + ")
	}
	w.add(r.Access)
	return w.String()
}

func (w *words) root(relo Kind, t btf.Type) {
	w.add("<")
	w.add(relo.String())
	w.add("> [")
	w.number(uint64(t.ID()))
	w.add("] ")
	kind := "void"
	if t.Kind() != btf.KindVoid {
		kind = strings.ToLower(t.Kind().String())
	}
	w.add(kind)
	w.add(" ")
	if name := t.Name(); name != "" {
		w.add(name[:min(len(name), 2*maxName)])
	} else {
		w.add("<anon>")
	}
}

// String returns the access in libbpf's notation.
func (s *spec) String() string {
	var w words
	t, _ := s.btf.Type(s.root)
	w.root(s.kind, t)
	switch s.kind.class() {
	case classEnumval:
		et := s.btf.Skip(s.root)
		w.add("::")
		w.add(s.acc[0].name)
		w.add(" = ")
		v := enumeratorValue(et, s.acc[0].idx)
		switch {
		case et.KFlag():
			w.add(strconv.FormatInt(int64(v), 10))
		case et.Kind() == btf.KindEnum:
			w.number(uint64(uint32(v)))
		default:
			w.number(v)
		}
	case classField:
		for i, a := range s.acc[:s.n] {
			switch {
			case a.name != "":
				w.add(".")
				w.add(a.name)
			case i > 0 || a.idx > 0:
				w.add("[")
				w.number(uint64(a.idx))
				w.add("]")
			}
		}
		w.add(" (")
		for i, idx := range s.raw[:s.nraw] {
			if i > 0 {
				w.add(":")
			}
			w.number(uint64(idx))
		}
		w.add(" @ offset ")
		w.number(s.bits / 8)
		if s.bits%8 != 0 {
			w.add(".")
			w.number(s.bits % 8)
		}
		w.add(")")
	}
	return w.String()
}
