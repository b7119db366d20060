package object

import (
	"strings"

	"github.com/purebpf/bpf/uapi"
)

// Program returns the entry program of a function name, nil if there is none (bpf_object__find_program_by_name).
// Subprograms are not found.
func (o *Object) Program(name string) *Program {
	for _, p := range o.Programs {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Map returns the map of a name, nil if there is none (bpf_object__find_map_by_name). A name that begins with a dot is the ELF
// section of an internal map (".rodata", ".data.custom", ".kconfig"); other names are what Map.Name says.
func (o *Object) Map(name string) *Map {
	section := strings.HasPrefix(name, ".")
	for _, m := range o.Maps {
		if section && m.Internal() && m.Section == name || !section && m.Name == name {
			return m
		}
	}
	return nil
}

// Variable returns the first global variable of a name, nil if there is none. It looks through the internal maps in the order of
// Maps, then the arena.
func (o *Object) Variable(name string) *Variable {
	for _, m := range o.Maps {
		if m.Internal() {
			if v := m.Variable(name); v != nil {
				return v
			}
		}
	}
	if o.Arena != nil {
		return o.Arena.Variable(name)
	}
	return nil
}

// Extern returns the extern of a name, nil if there is none.
func (o *Object) Extern(name string) *Extern {
	for _, e := range o.Externs {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// Variable returns the map's global variable of a name, nil if there is none.
func (m *Map) Variable(name string) *Variable {
	for _, v := range m.Vars {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// Internal tells maps made for data sections and kconfig externs from those that the object declares (bpf_map__is_internal).
func (m *Map) Internal() bool {
	switch m.Kind {
	case MapData, MapRodata, MapBss, MapKconfig:
		return true
	}
	return false
}

// Bytes returns what the map's first value will be, to be read or edited before loading (bpf_map__initial_value): of an internal
// map its variables, of a struct_ops map the image, of an arena its global variables. It is nil for other maps.
// It makes Contents of zeroes if there are none yet, so it is not for concurrent use of one Object.
func (m *Map) Bytes() []byte {
	if m.Type == uapi.MapArena {
		return m.object.ArenaData
	}
	if m.Contents == nil && m.Internal() {
		m.Contents = make([]byte, m.ValueSize)
	}
	return m.Contents
}
