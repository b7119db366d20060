package skelgen

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/btf"
)

// Limits on types: what Go compiles on 32-bit machines, and how deep and how many members there
// are.
const (
	maxSize  = 1 << 30
	maxDepth = 32
)

// goType is the Go type for a use of a C type.
type goType struct {
	before  string // "[4]"
	name    string // "uint32"; "" for a pointer
	pointee btf.ID // what a pointer points to
	size    uint64
	align   uint64 // in Go on 64-bit machines
}

// text returns the Go type. Types that pointers point to must be known by now.
func (g *generator) text(t goType) string {
	if t.name == "" {
		return t.before + "skel.Ptr[" + g.pointee(t.pointee, 0) + "]"
	}
	return t.before + t.name
}

// pointee returns the Go type that a pointer points to, struct{} if the skeleton doesn't have it.
func (g *generator) pointee(id btf.ID, depth int) string {
	t := g.spec.Skip(id)
	switch k := t.Kind(); {
	case k.IsComposite():
		if n := g.types[t.ID()]; n != nil && n.err == nil {
			return n.name
		}
	case k == btf.KindInt, k == btf.KindFloat:
		if s, ok := scalar(t); ok {
			return s.name
		}
	case k.IsEnum():
		if n := g.types[t.ID()]; n != nil {
			return n.name
		}
	case k == btf.KindPtr && depth < 3:
		return "skel.Ptr[" + g.pointee(t.Ref(), depth+1) + "]"
	}
	return "struct{}"
}

// scalar returns the Go type of an integer or a floating-point number.
func scalar(t btf.Type) (goType, bool) {
	n := uint64(t.Size())
	simple := func(name string) (goType, bool) {
		return goType{name: name, size: n, align: min(n, 8)}, true
	}
	switch {
	case t.Kind() == btf.KindFloat && (n == 4 || n == 8):
		return simple("float" + strconv.FormatUint(8*n, 10))
	case t.Kind() == btf.KindFloat:
		return bytesOf(n), n > 0
	case t.IntEncoding()&btf.Bool != 0 && n == 1:
		return simple("skel.Bool")
	case n == 16 && t.IntEncoding()&btf.Signed != 0:
		return simple("skel.Int128")
	case n == 16:
		return simple("skel.Uint128")
	case n != 1 && n != 2 && n != 4 && n != 8:
		return bytesOf(n), n > 0
	case t.IntEncoding()&btf.Signed != 0:
		return simple("int" + strconv.FormatUint(8*n, 10))
	}
	return simple("uint" + strconv.FormatUint(8*n, 10))
}

func bytesOf(n uint64) goType {
	return goType{before: "[" + strconv.FormatUint(n, 10) + "]", name: "byte", size: n, align: 1}
}

// use returns the Go type for a C type, and sees to it that the skeleton has what it needs. hint is
// the name of an anonymous type.
func (g *generator) use(id btf.ID, hint string, depth int) (goType, error) {
	if depth > maxDepth {
		return goType{}, fmt.Errorf("type [%d] nests too deeply", id)
	}
	size, err := g.spec.SizeOf(id)
	if err != nil {
		return goType{}, err
	}
	if size > maxSize {
		return goType{}, fmt.Errorf("type %s has %d bytes, more than Go compiles everywhere",
			clean(g.spec.CString(id), 60), size)
	}
	t := g.spec.Skip(id)
	switch k := t.Kind(); {
	case k == btf.KindInt, k == btf.KindFloat:
		if s, ok := scalar(t); ok {
			return s, nil
		}
	case k == btf.KindPtr:
		if g.follow {
			g.behind = append(g.behind, t.Ref())
		}
		return goType{pointee: t.Ref(), size: size, align: 8}, nil
	case k == btf.KindArray:
		return g.array(t, hint, depth)
	case k.IsEnum():
		return g.enum(id, t, hint)
	case k.IsComposite():
		n, err := g.composite(id, hint, depth)
		if err != nil {
			return goType{}, err
		}
		return goType{name: n.name, size: size, align: n.align}, nil
	}
	return goType{}, fmt.Errorf("type [%d], %v, has no counterpart in Go", id, t.Kind())
}

func (g *generator) array(t btf.Type, hint string, depth int) (goType, error) {
	a := t.Array()
	elem := g.spec.Skip(a.Elem)
	n := uint64(a.Nelems)
	if elem.Kind() == btf.KindInt && elem.Size() == 1 && elem.Name() == "char" && n > 0 {
		return goType{name: g.charArray(n), size: n, align: 1}, g.charge("", costChars)
	}
	e, err := g.use(a.Elem, hint, depth+1)
	if err != nil {
		return e, err
	}
	e.before = "[" + strconv.FormatUint(n, 10) + "]" + e.before
	e.size *= n
	return e, nil
}

// charArray returns the type for char[n].
func (g *generator) charArray(n uint64) string {
	if g.chars[n] == "" {
		g.chars[n] = g.used.unique(g.prefix + "Char" + strconv.FormatUint(n, 10))
		g.lengths = append(g.lengths, n)
	}
	return g.chars[n]
}

// named is a struct, union or enum that the skeleton defines.
type named struct {
	id      btf.ID
	name    string
	c       string // "struct event"; "" if it is anonymous
	key     string // the name for its sum; "" if it is anonymous
	size    uint64
	align   uint64
	fill    uint64 // bytes of alignment that fields don't give
	fields  []field
	methods []method
	enum    *goType // of its values
	busy    bool
	err     error
}

// field is a field of a Go struct.
type field struct {
	name    string
	typ     goType
	off     uint64
	comment string
}

// method is how the skeleton gives access to what can't be a field.
type method struct {
	kind    methodKind
	name    string
	storage string // field with the bytes
	base    uint64 // its offset
	off     uint64 // in bits for bit fields, else in bytes, from the start of the storage
	width   uint64 // of a bit field
	signed  bool
	typ     goType
	c       string
}

type methodKind int

const (
	methodBits methodKind = iota // getter and setter of a bit field
	methodCopy                   // getter and setter of a misaligned member
	methodView                   // pointer to a member of a union
	methodTail                   // elements of a flexible array
)

// define registers a type under a name made of its own, its typedef's or the hint.
func (g *generator) define(id btf.ID, t btf.Type, hint string) *named {
	n := &named{id: t.ID(), size: uint64(t.Size())}
	kind := strings.ToLower(t.Kind().String())
	c := strings.TrimSuffix(kind, "64") + " "
	name := t.Name()
	if name != "" {
		n.c, n.key = c+name, kind+" "+name
	} else if name = g.typedef(id); name != "" {
		n.c, n.key = name, "typedef "+name
	}
	goName := hint
	if name != "" {
		goName = g.prefix + identifier(name)
	}
	n.name = g.used.unique(goName)
	g.types[t.ID()] = n
	g.order = append(g.order, n)
	return n
}

// typedef returns the name of the last typedef before an anonymous type.
func (g *generator) typedef(id btf.ID) string {
	name := ""
	for range maxDepth {
		t, _ := g.spec.Type(id)
		if !t.Kind().IsModifier() {
			break
		}
		if t.Kind() == btf.KindTypedef {
			name = t.Name()
		}
		id = t.Ref()
	}
	return name
}

// enum returns the type of an enumeration. One without a name is a plain integer.
func (g *generator) enum(id btf.ID, t btf.Type, hint string) (goType, error) {
	n := uint64(t.Size())
	if n != 1 && n != 2 && n != 4 && n != 8 {
		return goType{}, fmt.Errorf("enum [%d] has %s", id, plural(n, "byte"))
	}
	kind := "uint"
	if t.KFlag() {
		kind = "int"
	}
	plain := goType{name: kind + strconv.FormatUint(8*n, 10), size: n, align: n}
	if t.Vlen() == 0 || t.Name() == "" && g.typedef(id) == "" {
		return plain, nil
	}
	known := g.types[t.ID()]
	if known == nil {
		for i := range t.Vlen() {
			if err := g.charge(t.Enumerator(i).Name, costConstant); err != nil {
				return plain, err
			}
		}
		known = g.define(id, t, hint)
		known.align = n
		known.enum = &plain
	}
	return goType{name: known.name, size: n, align: n}, nil
}
