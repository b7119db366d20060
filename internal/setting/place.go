// Package setting stores values that people write into memory that BTF describes: a path such as
// conf.targets[3].pid selects a part of a variable, and a text or JSON is its value. Everything is
// checked against the type before a byte changes. It is the counterpart of btf.AppendValue.
//
// The package is pure: it makes no system calls.
package setting

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/nearest"
)

// Place is a value in memory, or a part of one.
type Place struct {
	name  string // as the user writes it
	spec  *btf.Spec
	typ   btf.ID
	order binary.ByteOrder
	data  []byte // of the whole type, or the bytes that contain a bit field
	// of a bit field, from the start of data; size 0: the part is no bit field
	bitOff, bitSize uint32
}

// At returns the place of a value of a type at the start of data. name is how errors call it.
func At(name string, s *btf.Spec, id btf.ID, data []byte, order binary.ByteOrder) Place {
	return Place{name: name, spec: s, typ: id, order: order, data: data}
}

const (
	maxDepth = 32      // nested anonymous structs, and nested JSON
	maxSteps = 1 << 16 // members that the search for a field visits
)

// Part returns the part of p that a path selects: "", ".field", "[3]", "[3].field[0]".
func (p Place) Part(path string) (Place, error) {
	for path != "" {
		var err error
		switch end := strings.IndexAny(path[1:], ".["); {
		case path[0] == '[':
			index, rest, ok := strings.Cut(path[1:], "]")
			if !ok {
				return p, fmt.Errorf("%s%s: the bracket isn't closed", p.name, path)
			}
			p, err = p.element(index)
			path = rest
		case path[0] != '.':
			return p, fmt.Errorf("%s: %q is neither .FIELD nor [INDEX]", p.name, path)
		case end < 0:
			p, err = p.field(path[1:])
			path = ""
		default:
			p, err = p.field(path[1 : 1+end])
			path = path[1+end:]
		}
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

// element returns an element of an array.
func (p Place) element(index string) (Place, error) {
	n, size, err := p.elements()
	if err != nil {
		return p, err
	}
	i, err := strconv.ParseUint(index, 0, 32)
	if err != nil {
		return p, fmt.Errorf("%s[%s]: the index is not a number", p.name, index)
	}
	if i >= n {
		return p, fmt.Errorf("%s[%s]: %s", p.name, index, indices(n))
	}
	p.typ = p.spec.Skip(p.typ).Array().Elem
	p.name += "[" + index + "]"
	p.data = p.data[i*size : (i+1)*size : (i+1)*size]
	return p, nil
}

func indices(n uint64) string {
	if n == 0 {
		return "the array has no elements"
	}
	return fmt.Sprintf("the array has %d elements, 0 to %d", n, n-1)
}

// elements returns how many elements an array has, and their size.
func (p Place) elements() (n, size uint64, err error) {
	t := p.spec.Skip(p.typ)
	if t.Kind() != btf.KindArray {
		return 0, 0, fmt.Errorf("%s is %s, not an array", p.name, p.typeName())
	}
	if size, err = p.spec.SizeOf(t.Array().Elem); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", p.name, err)
	}
	if size == 0 {
		return 0, 0, nil
	}
	n = uint64(len(p.data)) / size
	if declared := uint64(t.Array().Nelems); declared != 0 { // else it takes the rest
		n = min(n, declared)
	}
	return n, size, nil
}

// field returns a member of a struct or union, also one of an anonymous member.
func (p Place) field(name string) (Place, error) {
	t := p.spec.Skip(p.typ)
	if !t.Kind().IsComposite() {
		return p, fmt.Errorf("%s is %s and has no fields", p.name, p.typeName())
	}
	s := search{spec: p.spec, name: name, near: nearest.To(name), steps: maxSteps}
	m, ok := s.in(t, 0, maxDepth)
	if !ok {
		err := fmt.Errorf("%s has no field %q", p.name, name)
		if near := s.near.AddTo(err); near != err {
			return p, near
		}
		return p, fmt.Errorf("%w; %s has %s", err, p.typeName(), strings.Join(s.names, ", "))
	}
	return p.member(m)
}

// member returns the part that a member of p describes.
func (p Place) member(m btf.Member) (Place, error) {
	p.name += "." + m.Name
	p.typ = m.Type
	start := uint64(m.BitOffset) / 8
	if m.BitSize != 0 {
		p.bitOff, p.bitSize = m.BitOffset%8, m.BitSize
		end := (uint64(m.BitOffset) + uint64(m.BitSize) + 7) / 8
		return p.window(start, end)
	}
	size, err := p.spec.SizeOf(m.Type)
	if err != nil {
		return p, fmt.Errorf("%s: %w", p.name, err)
	}
	if t := p.spec.Skip(m.Type); t.Kind() == btf.KindArray && size == 0 {
		return p.window(start, uint64(len(p.data)))
	}
	return p.window(start, start+size)
}

func (p Place) window(start, end uint64) (Place, error) {
	if start > end || end > uint64(len(p.data)) {
		return p, fmt.Errorf("%s lies outside of its %d bytes", p.name, len(p.data))
	}
	p.data = p.data[start:end:end]
	return p, nil
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

func (s *search) in(t btf.Type, base uint32, depth int) (btf.Member, bool) {
	for i := range t.Vlen() {
		if s.steps--; s.steps < 0 || depth <= 0 {
			break
		}
		m := t.Member(i)
		m.BitOffset += base
		if m.Name == "" {
			inner := s.spec.Skip(m.Type)
			if !inner.Kind().IsComposite() {
				continue
			}
			if found, ok := s.in(inner, m.BitOffset, depth-1); ok {
				return found, true
			}
			continue
		}
		if m.Name == s.name {
			return m, true
		}
		s.near.Offer([]byte(m.Name))
		if len(s.names) < mostNames {
			s.names = append(s.names, m.Name)
		} else if len(s.names) == mostNames {
			s.names = append(s.names, "...")
		}
	}
	return btf.Member{}, false
}

// typeName returns the type as C writes it.
func (p Place) typeName() string {
	if text := p.spec.CString(p.typ); text != "" {
		return text
	}
	return "of no type"
}
