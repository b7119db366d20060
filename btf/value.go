package btf

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/purebpf/bpf/internal/printable"
)

// Printing values
//
// One walk produces text and JSON. It visits the type with a window into the data that starts at
// the value; what does not fit into the window is left out and reported at the end, so that a short
// record is printed as far as it goes. Types may be hostile: nesting is limited, and so is the
// number of values, because with unions and empty structs a small type can describe a huge text.

// ErrTruncated reports data that ends before its type does. What fits has been printed.
var ErrTruncated = errors.New("data is shorter than its type")

// ValueOptions changes how values are printed. The zero value prints everything on one line.
type ValueOptions struct {
	// Indent, if not "", puts every member on its own line, indented by Indent per level.
	Indent   string
	Types    bool             // text only: "(type)" before every value
	OmitZero bool             // leave out members that are zero
	MaxElems int              // elements of an array to print, 0 for all; text then shows "..."
	Order    binary.ByteOrder // of the data; nil for the host's
}

const (
	maxValueDepth = 32
	maxValues     = 1 << 14 // plus 8 for each byte of data
	maxEnumSteps  = 1 << 24 // constants visited; after that enums are printed as numbers
	maxValueText  = 1 << 20 // bytes of text, plus 64 for each byte of data
)

// AppendValue appends data of a type as text like C's: {.pid = 1, .comm = "x", .state = RUNNING,
// .prio = [1, 2]}. It corresponds to libbpf's btf_dump__dump_type_data.
//
// Structs and unions show all members, those of anonymous ones in inner braces; bit fields are
// numbers; enums show names; arrays of char are strings up to their NUL; pointers and 128-bit
// integers are hexadecimal; a flexible array at the end takes the rest of the data. A VAR is its
// value, a DATASEC its variables. The result is well-formed even with an error, which is
// [ErrTruncated] if data is too short, and [ErrTooBig] if the value exceeds a limit.
func AppendValue(dst []byte, s *Spec, id ID, data []byte, opts *ValueOptions) ([]byte, error) {
	return newPrinter(dst, s, data, opts, false).print(id, data)
}

// AppendJSON is [AppendValue] for JSON, in the form of bpftool's "formatted" values except that it
// is always valid: structs are objects (members of anonymous ones are part of the outer one),
// arrays are arrays, char arrays strings, enums names, booleans true and false, bit fields and
// pointers numbers, 128-bit integers strings "0x...", and anything without a value is null.
func AppendJSON(dst []byte, s *Spec, id ID, data []byte, opts *ValueOptions) ([]byte, error) {
	return newPrinter(dst, s, data, opts, true).print(id, data)
}

type printer struct {
	spec  *Spec
	opts  ValueOptions
	order binary.ByteOrder
	dst   []byte
	json  bool
	left  int // values that may still be visited
	steps int // constants of enums that may still be visited
	limit int // of len(dst)
	level int // of indentation
	err   error
}

func newPrinter(dst []byte, s *Spec, data []byte, opts *ValueOptions, json bool) *printer {
	p := &printer{spec: s, dst: dst, json: json, left: maxValues + 8*len(data), steps: maxEnumSteps,
		limit: len(dst) + maxValueText + 64*len(data)}
	if opts != nil {
		p.opts = *opts
	}
	one := []byte{1, 0} // orders with other names, such as binary.NativeEndian, are one of the two
	p.order = byteOrder(p.opts.Order != nil && p.opts.Order.Uint16(one) != host.Uint16(one))
	return p
}

func (p *printer) print(id ID, data []byte) ([]byte, error) {
	p.value(id, data, true, maxValueDepth)
	if p.err != nil {
		return p.dst, fmt.Errorf("btf: print %s of %d bytes: %w",
			printable.Text(p.spec.CString(id)), len(data), p.err)
	}
	return p.dst, nil
}

// fail keeps the first error.
func (p *printer) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *printer) text(s string) { p.dst = append(p.dst, s...) }

// none stands for a value that cannot be printed.
func (p *printer) none(err error) {
	p.fail(err)
	if p.json {
		p.text("null")
	} else {
		p.text("?")
	}
}

// visit counts a value and reports whether it may be printed.
func (p *printer) visit(depth int) bool {
	p.left--
	switch {
	case p.left < 0:
		p.fail(fmt.Errorf("more than %d values: %w", maxValues, ErrTooBig))
	case len(p.dst) > p.limit:
		p.fail(fmt.Errorf("more than %d bytes of text: %w", maxValueText, ErrTooBig))
	case depth <= 0:
		p.fail(fmt.Errorf("types nest more than %d deep: %w", maxValueDepth, ErrTooBig))
	default:
		return true
	}
	return false
}

// value prints the value at the start of data. tail means that the data up to its end belongs to
// it, so it may have a flexible array.
func (p *printer) value(id ID, data []byte, tail bool, depth int) {
	if !p.visit(depth) {
		p.none(nil)
		return
	}
	t := p.resolve(id)
	p.cast(id)
	switch k := t.Kind(); k {
	case KindStruct, KindUnion:
		l := p.open('{', '}')
		p.members(&l, t, data, tail, depth-1)
		p.close(l, true)
	case KindDatasec:
		l := p.open('{', '}')
		p.section(&l, t, data, depth-1)
		p.close(l, true)
	case KindArray:
		p.array(t.Array(), data, tail, depth-1)
	case KindInt, KindPtr, KindEnum, KindEnum64, KindFloat:
		p.scalar(t, data, p.bits(t))
	case KindVoid:
		p.none(fmt.Errorf("type [%d] is void or malformed", id))
	default:
		p.none(fmt.Errorf("type [%d] is a %v and has no value", t.ID(), k))
	}
}

// cast writes "(type)" if the options ask for it.
func (p *printer) cast(id ID) {
	if !p.opts.Types || p.json {
		return
	}
	if t, _ := p.spec.Type(id); t.Kind() == KindVar {
		id = t.Ref()
	}
	p.dst = append(printable.AppendText(append(p.dst, '('), p.spec.CString(id)), ')')
}

// resolve strips what does not affect a value: modifiers, VAR and DECL_TAG.
func (p *printer) resolve(id ID) Type {
	for range maxDepth {
		t := p.spec.Skip(id)
		if k := t.Kind(); k != KindVar && k != KindDeclTag {
			return t
		}
		id = t.Ref()
	}
	return Type{}
}

// list tracks the commas and line breaks of one pair of brackets.
type list struct {
	n   int
	end byte
}

func (p *printer) open(start, end byte) list {
	p.dst = append(p.dst, start)
	p.level++
	return list{end: end}
}

// item starts the next item, on its own line if lines is set.
func (p *printer) item(l *list, lines bool) {
	if l.n > 0 {
		p.dst = append(p.dst, ',')
	}
	l.n++
	if lines && p.opts.Indent != "" {
		p.newline()
	} else if l.n > 1 && !p.json {
		p.dst = append(p.dst, ' ')
	}
}

func (p *printer) close(l list, lines bool) {
	p.level--
	if lines && l.n > 0 && p.opts.Indent != "" {
		p.newline()
	}
	p.dst = append(p.dst, l.end)
}

func (p *printer) newline() {
	p.dst = append(p.dst, '\n')
	for range p.level {
		p.text(p.opts.Indent)
	}
}

// key writes the name of the next value: `.pid = ` or `"pid":`.
func (p *printer) key(name string) {
	if p.json {
		p.dst = append(appendJSONString(p.dst, []byte(name)), ':')
		if p.opts.Indent != "" {
			p.dst = append(p.dst, ' ')
		}
	} else if name != "" {
		p.dst = append(printable.AppendText(append(p.dst, '.'), name), " = "...)
	}
}

// members prints the members of a struct or union at the start of data.
func (p *printer) members(l *list, t Type, data []byte, tail bool, depth int) {
	size := uint64(t.Size())
	own := data // without the elements of a flexible array
	if uint64(len(own)) > size {
		own = own[:size]
	} else if uint64(len(own)) < size {
		p.fail(ErrTruncated)
	}
	for i := range t.Vlen() {
		if !p.visit(depth) {
			return
		}
		m := t.Member(i)
		mt := p.resolve(m.Type)
		if f, ok := p.field(m, mt); ok {
			if f.end() > uint64(len(own)) {
				p.fail(ErrTruncated)
			} else if !p.opts.OmitZero || !allZeroBits(own, f, p.order) {
				p.item(l, true)
				p.key(m.Name)
				p.cast(m.Type)
				p.scalar(mt, own, f)
			}
			continue
		}
		last := tail && (t.Kind() == KindUnion || i == t.Vlen()-1)
		window := own
		if last {
			window = data
		}
		window = window[min(uint64(m.BitOffset/8), uint64(len(window))):]
		if n, ok := p.extent(m.Type, window, last); !ok || p.opts.OmitZero && allZero(window[:n]) {
			continue
		}
		if p.json && m.Name == "" && mt.Kind().IsComposite() {
			p.members(l, mt, window, last, depth-1)
			continue
		}
		p.item(l, true)
		p.key(m.Name)
		p.value(m.Type, window, last, depth)
	}
}

// extent returns how many bytes of the window a value takes; ok is false if it is entirely outside.
func (p *printer) extent(id ID, window []byte, tail bool) (n uint64, ok bool) {
	size, err := p.spec.SizeOf(id)
	have := uint64(len(window))
	switch {
	case err != nil:
		return 0, true // printing it will report why
	case size == 0 && tail:
		return have, true
	case size > 0 && have == 0:
		p.fail(ErrTruncated)
		return 0, false
	}
	return min(size, have), true
}

// section prints the variables of a DATASEC.
func (p *printer) section(l *list, t Type, data []byte, depth int) {
	for i := range t.Vlen() {
		v := t.SecVar(i)
		vt, _ := p.spec.Type(v.Type)
		window := data[min(uint64(v.Offset), uint64(len(data))):]
		window = window[:min(uint64(v.Size), uint64(len(window)))]
		if uint64(len(window)) < uint64(v.Size) {
			p.fail(ErrTruncated)
			continue
		}
		if p.opts.OmitZero && allZero(window) {
			continue
		}
		p.item(l, true)
		p.key(vt.Name())
		p.value(v.Type, window, true, depth)
	}
}

func (p *printer) array(a Array, data []byte, tail bool, depth int) {
	size, err := p.spec.SizeOf(a.Elem)
	if err != nil {
		p.none(err)
		return
	}
	n, have := uint64(a.Nelems), uint64(len(data))
	switch {
	case size == 0:
		n = 0
	case n == 0 && tail:
		n = have / size
	case n > (have+size-1)/size:
		n = (have + size - 1) / size
		p.fail(ErrTruncated)
	}
	elem := p.resolve(a.Elem)
	if isChar(elem) {
		p.string(data[:n])
		return
	}
	whole := n
	if p.opts.MaxElems > 0 {
		n = min(n, uint64(p.opts.MaxElems))
	}
	scalar := elem.Kind() != KindArray && !elem.Kind().IsComposite()
	l := p.open('[', ']')
	for i := range n {
		window := data[i*size : min((i+1)*size, have)]
		if scalar && uint64(len(window)) < size {
			break
		}
		if p.left <= 0 {
			p.visit(depth)
			break
		}
		p.item(&l, !scalar)
		p.value(a.Elem, window, false, depth)
	}
	if n < whole && !p.json {
		p.item(&l, !scalar)
		p.text("...")
	}
	p.close(l, !scalar)
}

// isChar reports whether arrays of t are strings.
func isChar(t Type) bool {
	return t.Kind() == KindInt && t.Size() == 1 && (t.IntEncoding() == Char || t.Name() == "char")
}

func allZero(data []byte) bool {
	for _, b := range data {
		if b != 0 {
			return false
		}
	}
	return true
}
