package skelgen

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/internal/typesum"
)

// definitions writes the types, the proof of their layout, and their sums.
func (g *generator) definitions() {
	for _, s := range g.sections {
		g.structure(s.n, fmt.Sprintf("has the global variables of section %s", clean(s.name, 60)))
	}
	for _, n := range g.order {
		switch {
		case n.err != nil:
		case n.enum != nil:
			g.enumeration(n)
		default:
			g.structure(n, "is "+cmp.Or(clean(n.c, 80), "an anonymous type of C")+", "+
				plural(n.size, "byte"))
		}
	}
	for _, n := range g.lengths {
		name := g.chars[n]
		g.out.f("\n// %s is C's char[%d].\ntype %s [%d]byte\n", name, n, name, n)
		g.out.f("\n// String returns the text up to the first NUL.\n")
		g.out.f("func (c %s) String() string {\n\treturn skel.Text(c[:])\n}\n", name)
		g.out.f("\n// Set sets the text and fills the rest with NUL.\n")
		g.out.f("func (c *%s) Set(text string) error {\n\treturn skel.SetText(c[:], text)\n}\n",
			name)
	}
	g.proof()
	if !g.opts.Subskeleton {
		g.sums()
	}
}

// structure writes a Go struct and its methods.
func (g *generator) structure(n *named, what string) {
	g.out.f("\n// %s %s.\n", n.name, what)
	if n.size == 0 || len(n.fields) == 0 && n.size == 0 {
		g.out.f("type %s struct{}\n", n.name)
	} else {
		g.out.f("type %s struct {\n", n.name)
		g.out.rows(g.fieldRows(n))
		g.out.f("}\n")
	}
	for _, m := range n.methods {
		g.method(n, m)
	}
}

func (g *generator) fieldRows(n *named) []row {
	var list []row
	if n.fill > 0 {
		list = append(list, row{cells: [3]string{"_", "[0]uint" +
			strconv.FormatUint(8*n.fill, 10)}})
	}
	end := uint64(0)
	gap := func(to uint64) {
		if to > end {
			list = append(list, row{cells: [3]string{"_", g.text(bytesOf(to - end))}})
		}
	}
	for _, f := range n.fields {
		gap(f.off)
		list = append(list, row{[3]string{f.name, g.text(f.typ)}, f.comment})
		end = f.off + f.typ.size
	}
	gap(n.size)
	return list
}

// method writes a method for access to what can't be a field.
func (g *generator) method(n *named, m method) {
	typ := g.text(m.typ)
	g.out.f("\n// %s", m.name)
	switch m.kind {
	case methodBits:
		get, convert := "Bits", typ
		if m.signed {
			get = "SignedBits"
		}
		expr := fmt.Sprintf("%s(skel.%s(x.%s[:], %d, %d))", convert, get, m.storage, m.off, m.width)
		value := "uint64(value)"
		g.out.f(" returns the bit field %s.\n", m.c)
		g.out.f("func (x *%s) %s() %s {\n\treturn %s\n}\n", n.name, m.name, typ, expr)
		g.out.f("\n// Set%s sets the bit field %s.\n", m.name, m.c)
		g.out.f("func (x *%s) Set%s(value %s) {\n\tskel.SetBits(x.%s[:], %d, %d, %s)\n}\n", n.name,
			m.name, typ, m.storage, m.off, m.width, value)
	case methodCopy:
		at := slice(m)
		g.out.f(" returns %s, which is not aligned.\n", m.c)
		g.out.f("func (x *%s) %s() %s {\n\treturn skel.Get[%s](x.%s)\n}\n", n.name, m.name, typ,
			typ, at)
		g.out.f("\n// Set%s sets %s.\n", m.name, m.c)
		g.out.f("func (x *%s) Set%s(value %s) {\n\tskel.Set(x.%s, value)\n}\n", n.name, m.name, typ,
			at)
	case methodView:
		g.out.f(" is %s in the union.\n", m.c)
		g.out.f("func (x *%s) %s() *%s {\n\treturn (*%s)(unsafe.Pointer(&x.%s[%d]))\n}\n", n.name,
			m.name, typ, typ, m.storage, m.off)
	case methodTail:
		g.out.f(" returns the elements of %s in a whole record, which begins with an x.\n", m.c)
		g.out.f("func (x *%s) %s(record []byte) []%s {\n\treturn skel.Tail[%s](record, %d)\n}\n",
			n.name,
			m.name, typ, typ, m.off)
	}
}

func slice(m method) string {
	if m.off == 0 {
		return m.storage + "[:]"
	}
	return fmt.Sprintf("%s[%d:]", m.storage, m.off)
}

// enumeration writes an enum with its constants.
func (g *generator) enumeration(n *named) {
	t, _ := g.spec.Type(n.id)
	unsigned := strings.HasPrefix(n.enum.name, "u")
	g.out.f("\n// %s is %s.\ntype %s %s\n", n.name, cmp.Or(clean(n.c, 80), "an enum"), n.name,
		g.text(*n.enum))
	g.out.f("\n// The values of %s.\nconst (\n", n.name)
	var list, cases []row
	seen := map[int64]bool{}
	for i := range t.Vlen() {
		e := t.Enumerator(i)
		name := g.used.unique(g.prefix + identifier(e.Name))
		value := strconv.FormatInt(e.Value, 10)
		if unsigned {
			value = strconv.FormatUint(uint64(e.Value)&(1<<(8*n.size-1)<<1-1), 10)
		}
		list = append(list, row{[3]string{name, n.name, "= " + value}, clean(e.Name, 80)})
		if !seen[e.Value] {
			seen[e.Value] = true
			cases = append(cases, row{cells: [3]string{name, strconv.Quote(clean(e.Name, 80))}})
		}
	}
	g.out.rows(list)
	g.out.f(")\n\n// String returns the name in C, or the number.\n")
	g.out.f("func (e %s) String() string {\n\tswitch e {\n", n.name)
	for _, c := range cases {
		g.out.f("\tcase %s:\n\t\treturn %s\n", c.cells[0], c.cells[1])
	}
	g.out.f("\t}\n")
	if unsigned {
		g.out.f("\treturn strconv.FormatUint(uint64(e), 10)\n}\n")
	} else {
		g.out.f("\treturn strconv.FormatInt(int64(e), 10)\n}\n")
	}
}

// proof writes sizes and offsets as constants that don't compile if they are wrong.
func (g *generator) proof() {
	var lines []string
	add := func(n *named) {
		if n.size > 0 {
			lines = append(lines, fmt.Sprintf("_ = -(unsafe.Sizeof(%s{}) ^ %d)", n.name, n.size))
		}
		for _, f := range n.fields {
			place := fmt.Sprintf("unsafe.Offsetof(%s{}.%s)", n.name, f.name)
			if f.off > 0 {
				place = fmt.Sprintf("(%s ^ %d)", place, f.off)
			}
			lines = append(lines, "_ = -"+place)
		}
	}
	for _, s := range g.sections {
		add(s.n)
	}
	for _, n := range g.order {
		if n.err == nil && n.enum == nil {
			add(n)
		}
	}
	if len(lines) == 0 {
		return
	}
	g.out.f("\n// These constants do not compile if Go lays out the types differently from C.\n")
	g.out.f("const (\n")
	for _, line := range lines {
		g.out.f("\t%s\n", line)
	}
	g.out.f(")\n")
}

// sums writes what the object is compared with when it is opened.
func (g *generator) sums() {
	g.out.f("\n// %sTypes are the C types that this file was generated from.\n", g.lower)
	if g.typeless() {
		g.out.f("var %sTypes []skel.Type\n", g.lower)
		return
	}
	g.out.f("var %sTypes = []skel.Type{\n", g.lower)
	for _, m := range g.o.Maps {
		if !m.Internal() {
			g.out.f("\t{Name: %s, Sum: %#x},\n", quote("map "+m.Name), typesum.Map(g.spec, m))
		}
	}
	for _, s := range g.sections {
		g.out.f("\t{Name: %s, Sum: %#x},\n", quote("section "+s.name),
			typesum.Variables(g.spec, s.vars))
	}
	for _, n := range g.order {
		if n.err == nil && n.key != "" {
			g.out.f("\t{Name: %s, Sum: %#x},\n", quote(n.key), typesum.Type(g.spec, n.id))
		}
	}
	written := map[*opsType]bool{}
	for _, f := range g.structOps {
		if n := g.types[f.typ.id]; !written[f.typ] && (n == nil || n.err != nil || n.key == "") {
			g.out.f("\t{Name: %s, Sum: %#x},\n", quote("struct "+f.typ.c),
				typesum.Type(g.spec, f.typ.id))
		}
		written[f.typ] = true
	}
	g.out.f("}\n")
}

// typeless reports whether there is nothing to compare.
func (g *generator) typeless() bool {
	return len(g.maps) == 0 && len(g.sections) == 0 && !slices.ContainsFunc(g.order,
		func(n *named) bool { return n.err == nil && n.key != "" })
}

// quote returns a Go string literal in ASCII.
func quote(s string) string { return strconv.QuoteToASCII(s) }
