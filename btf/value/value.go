// Package value reads and changes values in memory that BTF describes, without a Go type for them:
// a path such as .targets[3].pid selects a part, and numbers, texts and JSON are what it holds.
// Everything is checked against the type before a byte changes.
//
//	conf, err := value.Of("conf", m.BTF(), m.ValueType(), bytes, nil)
//	pid, err := conf.Part(".targets[3].pid")
//	err = pid.Set("4711")
//	fmt.Println(conf) // {.targets = [...]}
//
// The package is pure: it makes no system calls.
package value

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/nearest"
)

// Value is a value in memory, or a part of one. Its methods neither keep nor copy the memory: they
// see what others write to it, and need the same care as any memory that several use.
type Value struct {
	name  string // as the user writes it
	spec  *btf.Spec
	typ   btf.ID
	order binary.ByteOrder
	data  []byte // of the whole type, or the bytes that contain a bit field

	// of a bit field, from the start of data; size 0: the part is no bit field
	bitOff, bitSize uint32
}

// Of returns the value of a type in data: the value or key of a map, the bytes of a variable, a
// record. name is how errors call it; order is the byte order of the data, nil for the host's. Of
// fails if data is shorter than the type, or longer unless the type ends in an array without
// length, which takes the rest.
func Of(name string, s *btf.Spec, id btf.ID, data []byte, order binary.ByteOrder) (Value, error) {
	order = namedOrder(order)
	if s == nil {
		return Value{}, fmt.Errorf("%s: there is no BTF", name)
	}
	v := Value{name: name, spec: s, typ: id, order: order, data: data}
	size, err := s.SizeOf(id)
	if err != nil {
		return Value{}, fmt.Errorf("%s: %w", name, err)
	}
	if n := uint64(len(data)); n < size || n > size && !v.flexible(id) {
		return Value{}, fmt.Errorf("%s has %d bytes, its type %s has %d", name, n, v.typeName(),
			size)
	}
	return v, nil
}

// namedOrder returns an order as one of the two that have a name; nil is the host's.
func namedOrder(order binary.ByteOrder) binary.ByteOrder {
	if order == nil {
		order = binary.NativeEndian
	}
	if order.Uint16([]byte{1, 0}) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// flexible reports whether a type ends in an array without length.
func (v Value) flexible(id btf.ID) bool {
	steps := maxSteps
	return v.endsInArray(id, maxDepth, &steps)
}

func (v Value) endsInArray(id btf.ID, depth int, steps *int) bool {
	t := v.spec.Skip(id)
	switch k := t.Kind(); {
	case k == btf.KindArray:
		return t.Array().Nelems == 0
	case k == btf.KindUnion && depth > 0:
		for i := range t.Vlen() {
			if *steps--; *steps < 0 {
				return false
			}
			if v.endsInArray(t.Member(i).Type, depth-1, steps) {
				return true
			}
		}
	case k == btf.KindStruct && depth > 0 && t.Vlen() > 0:
		return v.endsInArray(t.Member(t.Vlen()-1).Type, depth-1, steps)
	}
	return false
}

// Name returns how errors call v, including the path of a part.
func (v Value) Name() string { return v.name }

// Type returns the BTF type of v.
func (v Value) Type() btf.ID { return v.typ }

const (
	maxDepth = 32      // nested structs, and nested JSON
	maxSteps = 1 << 16 // members that the search for a field visits
)

// Part returns the part of v that a path selects: "", ".field", "[3]", "[3].field[0]".
func (v Value) Part(path string) (Value, error) {
	for path != "" {
		var err error
		switch end := strings.IndexAny(path[1:], ".["); {
		case path[0] == '[':
			index, rest, ok := strings.Cut(path[1:], "]")
			if !ok {
				return v, fmt.Errorf("%s%s: the bracket isn't closed", v.name, path)
			}
			v, err = v.element(index)
			path = rest
		case path[0] != '.':
			return v, fmt.Errorf("%s: %q is neither .FIELD nor [INDEX]", v.name, path)
		case end < 0:
			v, err = v.field(path[1:])
			path = ""
		default:
			v, err = v.field(path[1 : 1+end])
			path = path[1+end:]
		}
		if err != nil {
			return v, err
		}
	}
	return v, nil
}

// element returns an element of an array.
func (v Value) element(index string) (Value, error) {
	n, size, err := v.elements()
	if err != nil {
		return v, err
	}
	i, err := strconv.ParseUint(index, 0, 32)
	if err != nil {
		return v, fmt.Errorf("%s[%s]: the index is not a number", v.name, index)
	}
	if i >= n {
		return v, fmt.Errorf("%s[%s]: %s", v.name, index, indices(n))
	}
	v.typ = v.resolve().Array().Elem
	v.name += "[" + index + "]"
	v.data = v.data[i*size : (i+1)*size : (i+1)*size]
	return v, nil
}

func indices(n uint64) string {
	if n == 0 {
		return "the array has no elements"
	}
	return fmt.Sprintf("the array has %d elements, 0 to %d", n, n-1)
}

// elements returns how many elements an array has, and their size.
func (v Value) elements() (n, size uint64, err error) {
	t := v.resolve()
	if t.Kind() != btf.KindArray {
		return 0, 0, fmt.Errorf("%s is %s, not an array", v.name, v.typeName())
	}
	if size, err = v.spec.SizeOf(t.Array().Elem); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", v.name, err)
	}
	if size == 0 {
		return 0, 0, nil
	}
	n = uint64(len(v.data)) / size
	if declared := uint64(t.Array().Nelems); declared != 0 { // else it takes the rest
		n = min(n, declared)
	}
	return n, size, nil
}

// composite returns the type of a struct or union.
func (v Value) composite() (btf.Type, error) {
	t := v.resolve()
	if !t.Kind().IsComposite() {
		return t, fmt.Errorf("%s is %s and has no fields", v.name, v.typeName())
	}
	return t, nil
}

// field returns a member of a struct or union, also one of an anonymous member.
func (v Value) field(name string) (Value, error) {
	t, err := v.composite()
	if err != nil {
		return v, err
	}
	s := search{spec: v.spec, name: name, near: nearest.To(name), steps: maxSteps}
	m, last, ok := s.in(t, 0, maxDepth)
	if !ok {
		err := fmt.Errorf("%s has no field %q", v.name, name)
		if near := s.near.AddTo(err); near != err {
			return v, near
		}
		return v, fmt.Errorf("%w; %s has %s", err, v.typeName(), strings.Join(s.names, ", "))
	}
	return v.member(m, last)
}

// member returns the part that a member of v describes. The last one has what is behind it, if it
// ends in an array without length.
func (v Value) member(m btf.Member, last bool) (Value, error) {
	v.name += "." + m.Name
	v.typ = m.Type
	start := uint64(m.BitOffset) / 8
	if t := v.resolve(); m.BitSize == 0 && t.Kind() == btf.KindInt &&
		(m.BitOffset%8 != 0 || uint32(t.IntBits()) != 8*t.Size()) { // as older compilers say it
		m.BitOffset += uint32(t.IntOffset())
		m.BitSize = uint32(t.IntBits())
		start = uint64(m.BitOffset) / 8
	}
	if m.BitSize != 0 {
		v.bitOff, v.bitSize = m.BitOffset%8, m.BitSize
		end := (uint64(m.BitOffset) + uint64(m.BitSize) + 7) / 8
		return v.window(start, end)
	}
	size, err := v.spec.SizeOf(m.Type)
	if err != nil {
		return v, fmt.Errorf("%s: %w", v.name, err)
	}
	if last && v.flexible(m.Type) {
		return v.window(start, uint64(len(v.data)))
	}
	return v.window(start, start+size)
}

func (v Value) window(start, end uint64) (Value, error) {
	if start > end || end > uint64(len(v.data)) {
		return v, fmt.Errorf("%s lies outside of its %d bytes", v.name, len(v.data))
	}
	v.data = v.data[start:end:end]
	return v, nil
}

// search looks for a member by its name.
type search struct {
	spec  *btf.Spec
	name  string
	near  *nearest.Names
	names []string // the first names, for an error
	steps int
}

const mostNames = 12

// in looks for the member in t; last means that nothing but members of unions lies behind it.
func (s *search) in(t btf.Type, base uint32, depth int) (found btf.Member, last, ok bool) {
	for i := range t.Vlen() {
		if s.steps--; s.steps < 0 || depth <= 0 {
			break
		}
		m := t.Member(i)
		m.BitOffset += base
		last := t.Kind() == btf.KindUnion || i == t.Vlen()-1
		if m.Name == "" {
			inner := s.spec.Skip(m.Type)
			if !inner.Kind().IsComposite() {
				continue
			}
			if found, inLast, ok := s.in(inner, m.BitOffset, depth-1); ok {
				return found, last && inLast, true
			}
			continue
		}
		if m.Name == s.name {
			return m, last, true
		}
		s.near.Offer([]byte(m.Name))
		if len(s.names) < mostNames {
			s.names = append(s.names, m.Name)
		} else if len(s.names) == mostNames {
			s.names = append(s.names, "...")
		}
	}
	return btf.Member{}, false, false
}

// resolve returns the type without modifiers.
func (v Value) resolve() btf.Type {
	if v.spec == nil {
		return btf.Type{}
	}
	return v.spec.Skip(v.typ)
}

// typeName returns the type as C writes it.
func (v Value) typeName() string {
	if v.spec == nil {
		return "of no type"
	}
	if text := v.spec.CString(v.typ); text != "" {
		return text
	}
	return "of no type"
}
