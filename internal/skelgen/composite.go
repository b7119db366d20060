package skelgen

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/purebpf/bpf/btf"
)

// item is a member of a struct or union, with those of anonymous structs and unions in it
// flattened.
type item struct {
	name  string
	typ   btf.ID
	off   uint64 // in bits
	width uint64 // of a bit field, else 0
	size  uint64 // in bytes; 0 for a flexible array
	union int    // index of the region that it shares with others, -1 if none
}

// region is the memory of an anonymous union.
type region struct{ off, size uint64 }

// flat is a flattened struct or union.
type flat struct {
	g       *generator
	items   []item
	regions []region
}

// typeError says which type can't be expressed, and why: the innermost one.
type typeError struct {
	c   string
	err error
}

func (e *typeError) Error() string { return e.c + ": " + e.err.Error() }

func (e *typeError) Unwrap() error { return e.err }

var errOverlap = errors.New("its members overlap")

// add flattens the members of t, which begins base bytes after the start.
func (f *flat) add(t btf.Type, base uint64, union, depth int) error {
	if depth > maxDepth {
		return errors.New("its anonymous members nest too deeply")
	}
	for i := range t.Vlen() {
		m := t.Member(i)
		cost := costField
		if m.BitSize > 0 || union >= 0 {
			cost = costMethods
		}
		if err := f.g.charge(m.Name, cost); err != nil {
			return err
		}
		c := f.g.spec.Skip(m.Type)
		off := base*8 + uint64(m.BitOffset)
		size, err := f.g.spec.SizeOf(m.Type)
		if err != nil {
			return fmt.Errorf("member %s: %w", clean(m.Name, 60), err)
		}
		if m.Name == "" && c.Kind().IsComposite() && off%8 == 0 {
			inner := union
			if union < 0 && c.Kind() == btf.KindUnion && size > 0 {
				inner = len(f.regions)
				f.regions = append(f.regions, region{off / 8, size})
			}
			if err := f.add(c, off/8, inner, depth+1); err != nil {
				return err
			}
			continue
		}
		if m.Name == "" {
			continue
		}
		it := item{name: m.Name, typ: m.Type, off: off, width: uint64(m.BitSize), size: size,
			union: union}
		if c.Kind() == btf.KindInt && it.width == 0 &&
			(c.IntOffset() != 0 || uint64(c.IntBits()) != 8*size) {
			it.off += uint64(c.IntOffset())
			it.width = uint64(c.IntBits())
		}
		switch {
		case it.width > 64:
			return fmt.Errorf("member %s: a bit field of %d bits", clean(m.Name, 60), it.width)
		case it.width == 0 && off%8 != 0:
			return fmt.Errorf("member %s begins at bit %d", clean(m.Name, 60), off)
		}
		f.items = append(f.items, it)
	}
	return nil
}

// end returns where an item ends, in bits.
func (it *item) end() uint64 {
	if it.width > 0 {
		return it.off + it.width
	}
	return it.off + 8*it.size
}

// composite returns the type for a struct or union.
func (g *generator) composite(id btf.ID, hint string, depth int) (*named, error) {
	t := g.spec.Skip(id)
	if n := g.types[t.ID()]; n != nil {
		if n.busy {
			return nil, fmt.Errorf("%s contains itself", cmp.Or(clean(n.c, 60), "a type"))
		}
		return n, n.err
	}
	n := g.define(id, t, hint)
	n.busy = true
	f := flat{g: g}
	union := -1
	if t.Kind() == btf.KindUnion && n.size > 0 {
		f.regions, union = []region{{0, n.size}}, 0
	}
	err := f.add(t, 0, union, 0)
	if err == nil {
		err = g.layOut(n, &f, depth)
	}
	n.busy = false
	if n.err = err; err != nil && !errors.As(err, new(*typeError)) {
		n.err = &typeError{cmp.Or(clean(n.c, 60), "an anonymous type"), err}
	}
	return n, n.err
}

// layout places the members of a Go struct.
type layout struct {
	g      *generator
	n      *named
	depth  int
	names  names
	bounds bool   // whether alignments must divide the size
	end    uint64 // of the fields so far, in bytes
	direct uint64 // alignment that fields give
}

// layOut decides what becomes a field and what a method.
func (g *generator) layOut(n *named, f *flat, depth int) error {
	l := &layout{g: g, n: n, depth: depth, names: names{}, bounds: true, direct: 1}
	n.align = 1
	return l.place(f)
}

func (l *layout) place(f *flat) error {
	storage := make([]string, len(f.regions))
	for i := range f.items {
		it := &f.items[i]
		if it.end() > 8*l.n.size {
			return fmt.Errorf("member %s ends beyond it", clean(it.name, 60))
		}
	}
	for i := 0; i < len(f.items); {
		it := &f.items[i]
		switch {
		case it.union >= 0:
			r := f.regions[it.union]
			if it.off/8 < r.off || it.end() > 8*(r.off+r.size) {
				return fmt.Errorf("member %s lies outside its union", clean(it.name, 60))
			}
			if storage[it.union] == "" {
				name := "union"
				if r.off > 0 || len(f.regions) > 1 {
					name += strconv.FormatUint(r.off, 10)
				}
				storage[it.union] = l.names.unique(name)
				if err := l.field(storage[it.union], bytesOf(r.size), r.off, ""); err != nil {
					return err
				}
			}
			if err := l.inUnion(it, storage[it.union], r.off); err != nil {
				return err
			}
			i++
		case it.width > 0:
			end, err := l.bitFields(f.items[i:])
			if err != nil {
				return err
			}
			i += end
		default:
			if err := l.member(it); err != nil {
				return err
			}
			i++
		}
	}
	if l.n.align > l.direct {
		l.n.fill = l.n.align
	}
	return nil
}

// field adds a field.
func (l *layout) field(name string, t goType, off uint64, comment string) error {
	if off < l.end {
		return errOverlap
	}
	l.n.fields = append(l.n.fields, field{name: name, typ: t, off: off, comment: comment})
	l.end = off + t.size
	return nil
}

// aligned reports whether Go can have a T at an offset.
func (l *layout) aligned(t goType, off uint64) bool {
	return off%t.align == 0 && (!l.bounds || l.n.size%t.align == 0)
}

// name returns the Go name for a member.
func (l *layout) name(it *item) string { return l.names.unique(identifier(it.name)) }

// methodName returns the Go name for a member that has a method, and one with Set before it.
func (l *layout) methodName(it *item) string {
	name := identifier(it.name)
	if slices.Contains(notMethods, name) {
		name += "Value"
	}
	chosen := l.names.unique(name)
	for l.names["Set"+chosen] > 0 {
		chosen = l.names.unique(name)
	}
	l.names["Set"+chosen] = 1
	return chosen
}

func (l *layout) hint(it *item) string { return l.n.name + identifier(it.name) }

func (l *layout) declaration(it *item) string {
	text := l.g.spec.CDecl(l.g.unqualified(it.typ), clean(it.name, 80))
	if it.width > 0 {
		text += ":" + strconv.FormatUint(it.width, 10)
	}
	return clean(text, 80)
}

// unqualified strips const and volatile, of which a Go type says nothing.
func (g *generator) unqualified(id btf.ID) btf.ID {
	for range maxDepth {
		t, _ := g.spec.Type(id)
		if k := t.Kind(); k != btf.KindConst && k != btf.KindVolatile && k != btf.KindTypeTag {
			break
		}
		id = t.Ref()
	}
	return id
}

// member adds a member that is neither a bit field nor in a union.
func (l *layout) member(it *item) error {
	off := it.off / 8
	if it.size == 0 {
		return l.tail(it, off)
	}
	t, err := l.g.use(it.typ, l.hint(it), l.depth+1)
	if err != nil {
		return err
	}
	if l.aligned(t, off) {
		l.direct = max(l.direct, t.align)
		l.n.align = max(l.n.align, t.align)
		return l.field(l.name(it), t, off, l.declaration(it))
	}
	if err := l.g.charge(it.name, costMethods); err != nil {
		return err
	}
	storage := l.names.unique("raw" + strconv.FormatUint(off, 10))
	name := l.methodName(it)
	l.n.methods = append(l.n.methods, method{kind: methodCopy, name: name, storage: storage,
		base: off, typ: t, c: l.declaration(it)})
	return l.field(storage, bytesOf(t.size), off, "")
}

// tail gives access to a flexible array.
func (l *layout) tail(it *item, off uint64) error {
	t := l.g.spec.Skip(it.typ)
	if t.Kind() != btf.KindArray {
		return nil // an empty struct
	}
	elem, err := l.g.use(t.Array().Elem, l.hint(it), l.depth+1)
	if err != nil || elem.size == 0 {
		return nil //nolint:nilerr // nobody misses an array of something unknown
	}
	l.n.methods = append(l.n.methods, method{kind: methodTail, name: l.methodName(it), off: off,
		typ: elem, c: l.declaration(it)})
	return nil
}

// inUnion gives access to a member of a union whose bytes are in a field.
func (l *layout) inUnion(it *item, storage string, base uint64) error {
	m := method{storage: storage, base: base, c: l.declaration(it)}
	if it.width > 0 {
		return l.bits(it, m)
	}
	if it.size == 0 {
		return nil
	}
	t, err := l.g.use(it.typ, l.hint(it), l.depth+1)
	if err != nil {
		return err
	}
	m.off, m.typ, m.kind = it.off/8-base, t, methodCopy
	if l.aligned(t, it.off/8) {
		m.kind = methodView
		l.n.align = max(l.n.align, t.align)
	}
	m.name = l.methodName(it)
	l.n.methods = append(l.n.methods, m)
	return nil
}

// bitFields adds the bit fields at the start of items, which share bytes, and returns how many.
func (l *layout) bitFields(items []item) (int, error) {
	first, end, n := items[0].off/8, (items[0].end()+7)/8, 1
	for n < len(items) && items[n].width > 0 && items[n].union < 0 && items[n].off/8 <= end &&
		items[n].off/8 >= first {
		end = max(end, (items[n].end()+7)/8)
		n++
	}
	storage := l.names.unique("bits" + strconv.FormatUint(first, 10))
	if err := l.field(storage, bytesOf(end-first), first, ""); err != nil {
		return 0, err
	}
	for i := range n {
		if err := l.bits(&items[i], method{storage: storage, base: first,
			c: l.declaration(&items[i])}); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// bits gives access to a bit field.
func (l *layout) bits(it *item, m method) error {
	t, err := l.g.use(it.typ, l.hint(it), l.depth+1)
	if err != nil {
		return err
	}
	c := l.g.spec.Skip(it.typ)
	if c.Kind() != btf.KindInt && !c.Kind().IsEnum() || c.Size() > 8 || t.before != "" {
		return fmt.Errorf("bit field %s is of type %s", clean(it.name, 60),
			clean(l.g.spec.CString(it.typ), 60))
	}
	m.kind, m.name, m.width, m.typ = methodBits, l.methodName(it), it.width, t
	m.off = it.off - 8*m.base
	m.signed = c.Kind() == btf.KindInt && c.IntEncoding()&btf.Signed != 0 ||
		c.Kind().IsEnum() && c.KFlag()
	l.n.methods = append(l.n.methods, m)
	return nil
}
