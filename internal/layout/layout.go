// Package layout checks that a Go type has the memory layout of a C type, so that a typed map or
// variable can pass the memory of a Go value to the kernel unchanged. The rules are:
//
//   - The Go type has a fixed size: booleans, sized integers and floats, and arrays and structs of
//     them. int, uint and uintptr are refused because their size depends on the machine; pointers,
//     strings, slices, maps and interfaces because they mean nothing to the kernel.
//   - Its size equals the size of the C type.
//   - Where BTF is available, each field lies where a C member of the same size lies. A [N]byte
//     field matches any member of N bytes; a blank field (_) matches anything.
//
// Go leaves the bytes between fields undefined, but the kernel compares them: two keys that differ
// only there are different keys. [Layout.Zero] clears them and blank fields, as = {} does in C.
package layout

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/nearest"
)

// gap is a run of bytes of a Go type that belong to no field.
type gap struct{ offset, size uintptr }

// Layout describes a Go type that passed Check.
type Layout struct{ gaps []gap }

// Check checks that t can be passed to the kernel as size bytes. If spec is not nil and id is not
// 0, it also checks t against that C type.
func Check(t reflect.Type, size uint32, spec *btf.Spec, id btf.ID) (Layout, error) {
	var l Layout
	if err := l.add(t, 0, t.String()); err != nil {
		return l, err
	}
	if t.Size() != uintptr(size) {
		return l, fmt.Errorf("%v has %d bytes, the map has %d", t, t.Size(), size)
	}
	if spec == nil || id == 0 {
		return l, nil
	}
	return l, matchType(t, spec, id, t.String(), 0)
}

// add checks t, which lies at offset, and records its gaps.
func (l *Layout) add(t reflect.Type, offset uintptr, path string) error {
	switch t.Kind() {
	case reflect.Bool, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8,
		reflect.Uint16, reflect.Uint32,
		reflect.Uint64, reflect.Float32, reflect.Float64:
		return nil
	case reflect.Array:
		elem := t.Elem()
		before := len(l.gaps)
		if err := l.add(elem, offset, path+"[0]"); err != nil {
			return err
		}
		if len(l.gaps) == before {
			return nil
		}
		for i := 1; i < t.Len(); i++ {
			if len(l.gaps) > maxGaps {
				return fmt.Errorf("%s has too many gaps between fields; add fields to fill them",
					path)
			}
			if err := l.add(elem, offset+uintptr(i)*elem.Size(), path); err != nil {
				return err
			}
		}
		if t.Len() == 0 {
			l.gaps = l.gaps[:before]
		}
		return nil
	case reflect.Struct:
		end := uintptr(0)
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Offset > end {
				l.gaps = append(l.gaps, gap{offset + end, f.Offset - end})
			}
			if f.Name == "_" {
				if f.Type.Size() > 0 {
					l.gaps = append(l.gaps, gap{offset + f.Offset, f.Type.Size()})
				}
			} else if err := l.add(f.Type, offset+f.Offset, path+"."+f.Name); err != nil {
				return err
			}
			end = f.Offset + f.Type.Size()
		}
		if t.Size() > end {
			l.gaps = append(l.gaps, gap{offset + end, t.Size() - end})
		}
		return nil
	case reflect.Int, reflect.Uint, reflect.Uintptr:
		return fmt.Errorf("%s is of type %v, whose size depends on the machine; use a sized integer", path, t)
	}
	return fmt.Errorf("%s is of type %v, which the kernel cannot take", path, t)
}

const maxGaps = 1024

// HasGaps reports whether Zero has anything to clear.
func (l *Layout) HasGaps() bool { return len(l.gaps) > 0 }

// Zero clears the gaps of the value in p.
func (l *Layout) Zero(p []byte) {
	for _, g := range l.gaps {
		clear(p[g.offset : g.offset+g.size])
	}
}

// maxTypeDepth limits the nesting of types; kernel and compiler stop earlier.
const maxTypeDepth = 32

var errTypeDepth = errors.New("types nest too deeply")

// matchType compares a Go type with a C type.
func matchType(t reflect.Type, spec *btf.Spec, id btf.ID, path string, depth int) error {
	if depth > maxTypeDepth {
		return errTypeDepth
	}
	c := spec.Skip(id)
	size, err := spec.SizeOf(c.ID())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if uint64(t.Size()) != size {
		return fmt.Errorf("%s has %d bytes, %s has %d", path, t.Size(), typeText(c), size)
	}
	if isBytes(t) {
		return nil
	}
	switch c.Kind() {
	case btf.KindStruct:
		if t.Kind() == reflect.Struct {
			return matchStruct(t, spec, c, path, depth)
		}
		if c.Vlen() == 1 && c.Member(0).BitSize == 0 {
			return matchType(t, spec, c.Member(0).Type, path, depth+1)
		}
		return fmt.Errorf("%s is %v, C has %s", path, t, typeText(c))
	case btf.KindUnion:
		var last error
		for i := range c.Vlen() {
			if last = matchType(t, spec, c.Member(i).Type, path, depth+1); last == nil {
				return nil
			}
		}
		return fmt.Errorf("%s is %v, which is none of the members of %s; use [%d]byte", path, t,
			typeText(c), size)
	case btf.KindArray:
		a := c.Array()
		if t.Kind() != reflect.Array || t.Len() != int(a.Nelems) {
			return fmt.Errorf("%s is %v, C has an array of %d elements", path, t, a.Nelems)
		}
		if t.Len() == 0 {
			return nil
		}
		return matchType(t.Elem(), spec, a.Elem, path+"[]", depth+1)
	case btf.KindInt, btf.KindEnum, btf.KindEnum64, btf.KindPtr, btf.KindFloat, btf.KindDatasec:
		switch t.Kind() {
		case reflect.Array:
			return fmt.Errorf("%s is %v, C has %s", path, t, typeText(c))
		case reflect.Struct:
			if t.NumField() == 1 && c.Kind() != btf.KindDatasec {
				return matchType(t.Field(0).Type, spec, id, path+"."+t.Field(0).Name, depth+1)
			}
			if c.Kind() == btf.KindDatasec {
				return matchDatasec(t, spec, c, path, depth)
			}
			return fmt.Errorf("%s is %v, C has %s", path, t, typeText(c))
		}
		return nil
	}
	return fmt.Errorf("%s: %s has no counterpart in Go", path, typeText(c))
}

// matchStruct looks for each Go field's C member, and for C members that no Go field covers.
func matchStruct(t reflect.Type, spec *btf.Spec, c btf.Type, path string, depth int) error {
	return matchMembers(t, spec, c, 0, path, depth)
}

// matchMembers is matchStruct for a C struct that begins base bits after the start of t.
func matchMembers(t reflect.Type, spec *btf.Spec, c btf.Type, base uint32, path string,
	depth int) error {
	for i := range c.Vlen() {
		m := c.Member(i)
		m.BitOffset += base
		bits := uint64(m.BitSize)
		if bits == 0 {
			size, err := spec.SizeOf(m.Type)
			if err != nil {
				return fmt.Errorf("%s: member %s: %w", path, m.Name, err)
			}
			bits = size * 8
		}
		if bits == 0 {
			continue
		}
		err := matchMember(t, spec, c, m, bits, path, depth)
		if inner := spec.Skip(m.Type); err != nil && m.Name == "" && m.BitSize == 0 &&
			inner.Kind() == btf.KindStruct && depth < maxTypeDepth {
			// the Go type has the members of the anonymous struct as its own
			err = matchMembers(t, spec, inner, m.BitOffset, path, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// matchMember checks one C member of bits bits against the Go field that lies there.
func matchMember(t reflect.Type, spec *btf.Spec, c btf.Type, m btf.Member, bits uint64, path string, depth int) error {
	first, end := uint64(m.BitOffset), uint64(m.BitOffset)+bits
	for i := range t.NumField() {
		f := t.Field(i)
		fieldFirst, fieldEnd := uint64(f.Offset)*8, (uint64(f.Offset)+uint64(f.Type.Size()))*8
		if first >= fieldEnd || end <= fieldFirst || fieldFirst == fieldEnd {
			continue
		}
		if f.Name == "_" && first >= fieldFirst && end <= fieldEnd {
			return nil
		}
		where := path + "." + f.Name
		if first < fieldFirst || end > fieldEnd {
			return fmt.Errorf("%s lies across the C member %s (bytes %d to %d) of %s", where,
				m.Name, first/8, (end+7)/8, typeText(c))
		}
		if first == fieldFirst && end == fieldEnd && m.BitSize == 0 {
			return matchType(f.Type, spec, m.Type, where, depth+1)
		}
		if isBytes(f.Type) || m.BitSize != 0 && isInteger(f.Type) {
			return nil // bytes stand for anything; an integer holds bit fields
		}
		if f.Type.Kind() == reflect.Struct && spec.Skip(m.Type).Kind() != btf.KindStruct {
			inner := m
			inner.BitOffset -= uint32(fieldFirst)
			return matchMember(f.Type, spec, c, inner, bits, where, depth+1) // an embedded or grouping struct
		}
		return fmt.Errorf("%s has %d bytes at offset %d, the C member %s has %d at offset %d",
			where, f.Type.Size(), f.Offset, m.Name, bits/8, first/8)
	}
	return fmt.Errorf("%s has no field for the C member %s at offset %d of %s; add one, or a blank one", path, m.Name, first/8, typeText(c))
}

// matchDatasec compares a struct with a data section: a field for each variable.
func matchDatasec(t reflect.Type, spec *btf.Spec, c btf.Type, path string, depth int) error {
	for i := range c.Vlen() {
		v := c.SecVar(i)
		variable, ok := spec.Type(v.Type)
		if !ok {
			continue
		}
		m := btf.Member{Name: variable.Name(), Type: variable.Ref(), BitOffset: v.Offset * 8}
		if v.Size == 0 {
			continue
		}
		if err := matchMember(t, spec, c, m, uint64(v.Size)*8, path, depth); err != nil {
			return err
		}
	}
	return nil
}

// isBytes reports whether t is [N]byte, or a struct with one such field beside fields without a
// size, which give it its alignment.
func isBytes(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return t.Kind() == reflect.Array && t.Elem().Kind() == reflect.Uint8
	}
	found := false
	for i := range t.NumField() {
		if f := t.Field(i).Type; f.Size() > 0 {
			if found || !isBytes(f) {
				return false
			}
			found = true
		}
	}
	return found
}

func isInteger(t reflect.Type) bool {
	return t.Kind() >= reflect.Int8 && t.Kind() <= reflect.Uint64 && t.Kind() != reflect.Uint
}

func typeText(t btf.Type) string {
	if name := t.Name(); name != "" {
		return fmt.Sprintf("%v %s", t.Kind(), name)
	}
	return fmt.Sprintf("%v (anonymous)", t.Kind())
}

// Named returns the type that C calls "struct NAME", "union NAME", "enum NAME" or NAME.
func Named(spec *btf.Spec, name string) (btf.ID, error) {
	if spec == nil {
		return 0, fmt.Errorf("there is no BTF to say what %s is", name)
	}
	word, tag, _ := strings.Cut(name, " ")
	kind, ok := map[string]btf.Kind{"struct": btf.KindStruct, "union": btf.KindUnion,
		"enum": btf.KindEnum}[word]
	if ok {
		if id, found := spec.FindByName(tag, kind); found {
			return id, nil
		}
	} else {
		tag = name
		for _, kind := range []btf.Kind{btf.KindTypedef, btf.KindStruct, btf.KindUnion,
			btf.KindInt, btf.KindEnum, btf.KindEnum64} {
			if id, found := spec.FindByName(name, kind); found {
				return id, nil
			}
		}
	}
	near := nearest.To(tag)
	for t := range spec.Types() {
		if k := t.Kind(); k.IsComposite() || k == btf.KindTypedef {
			near.Offer([]byte(t.Name()))
		}
	}
	return 0, near.AddTo(fmt.Errorf("the BTF has no type %q; clang leaves out types that no "+
		"map, function or global variable has", name))
}
