package object

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/uapi"
)

// Program returns the entry program with a function name, nil if there is none
// (bpf_object__find_program_by_name). It does not find subprograms.
func (o *Object) Program(name string) *Program {
	if o == nil {
		return nil
	}
	for _, p := range o.Programs {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Map returns the map with a name, nil if there is none (bpf_object__find_map_by_name). A name that
// begins with a dot is the ELF section of an internal map (".rodata", ".data.custom", ".kconfig");
// other names are compared with Map.Name.
func (o *Object) Map(name string) *Map {
	if o == nil {
		return nil
	}
	section := strings.HasPrefix(name, ".")
	for _, m := range o.Maps {
		if section && m.Internal() && m.Section == name || !section && m.Name == name {
			return m
		}
	}
	return nil
}

// Variable returns the global variable with a name, or if all of that name are static the first one
// in the order of Maps, the arena last; nil if there is none.
func (o *Object) Variable(name string) *Variable {
	if o == nil {
		return nil
	}
	found := o.Arena.Variable(name)
	for _, m := range slices.Backward(o.Maps) {
		if m.Internal() {
			if v := m.Variable(name); v != nil && (found == nil || found.Static || !v.Static) {
				found = v
			}
		}
	}
	return found
}

// FindProgram is Program with an error instead of nil. The error lists similar names and wraps
// fs.ErrNotExist:
//
//	p, err := o.FindProgram("count_packets")
func (o *Object) FindProgram(name string) (*Program, error) {
	if o == nil {
		return nil, errNothing("object")
	}
	if p := o.Program(name); p != nil {
		return p, nil
	}
	near := nearest.To(name)
	for _, p := range o.Programs {
		near.Offer([]byte(p.Name))
	}
	return nil, o.absent("program", name, near)
}

// FindMap is Map with an error instead of nil. The error lists similar names and wraps
// fs.ErrNotExist.
func (o *Object) FindMap(name string) (*Map, error) {
	if o == nil {
		return nil, errNothing("object")
	}
	if m := o.Map(name); m != nil {
		return m, nil
	}
	near := nearest.To(name)
	for _, m := range o.Maps {
		if strings.HasPrefix(name, ".") && m.Internal() {
			near.Offer([]byte(m.Section))
		} else {
			near.Offer([]byte(m.Name))
		}
	}
	return nil, o.absent("map", name, near)
}

// FindVariable is Variable with an error instead of nil. The error lists similar names and wraps
// fs.ErrNotExist.
func (o *Object) FindVariable(name string) (*Variable, error) {
	if o == nil {
		return nil, errNothing("object")
	}
	if v := o.Variable(name); v != nil {
		return v, nil
	}
	near := nearest.To(name)
	for _, m := range o.Maps {
		if m.Internal() || m == o.Arena {
			for _, v := range m.Vars {
				near.Offer([]byte(v.Name))
			}
		}
	}
	return nil, o.absent("variable", name, near)
}

// absent returns the error about a name that the object does not have.
func (o *Object) absent(kind, name string, near *nearest.Names) error {
	text := "the object has no " + kind + " " + name
	if o.Name != "" {
		text = o.Name + ": " + text
	}
	if hint := near.Hint(); hint != "" {
		text += "; " + hint
	}
	return &absentError{text}
}

// errNothing returns the error for a nil pointer.
func errNothing(kind string) error { return &absentError{"there is no " + kind} }

// absentError is ErrNotExist with another text.
type absentError struct{ text string }

func (e *absentError) Error() string        { return e.text }
func (e *absentError) Is(target error) bool { return target == fs.ErrNotExist }

// Extern returns the extern with a name, nil if there is none.
func (o *Object) Extern(name string) *Extern {
	if o == nil {
		return nil
	}
	for _, e := range o.Externs {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// Variable returns the map's global variable with a name, nil if there is none.
func (m *Map) Variable(name string) *Variable {
	if m == nil {
		return nil
	}
	var static *Variable
	for _, v := range m.Vars {
		switch {
		case v.Name != name:
		case !v.Static:
			return v
		case static == nil:
			static = v
		}
	}
	return static
}

// Internal reports whether the map was made for a data section or kconfig externs rather than
// declared by the object (bpf_map__is_internal).
func (m *Map) Internal() bool {
	if m == nil {
		return false
	}
	switch m.Kind {
	case MapData, MapRodata, MapBss, MapKconfig:
		return true
	}
	return false
}

// Bytes returns the map's initial value, to be read or edited before loading
// (bpf_map__initial_value): for an internal map its variables, for a struct_ops map the image, for
// an arena its global variables. It returns nil for other maps. If Contents is nil it allocates it,
// so Bytes is not for concurrent use on one Object.
func (m *Map) Bytes() []byte {
	if m == nil {
		return nil
	}
	if m.Type == uapi.MapArena && m.object != nil {
		return m.object.ArenaData
	}
	if m.Contents == nil && m.Internal() {
		m.Contents = make([]byte, m.ValueSize)
	}
	return m.Contents
}
