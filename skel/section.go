package skel

import (
	"fmt"
	"slices"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// section is the memory of a section of global variables: private memory with the values that the
// object is loaded with, over which the map's memory is mapped after the load. So variables keep
// their addresses.
type section struct {
	name    string
	m       *object.Map
	memory  []byte // whole pages, nil once it is given back
	initial []byte // the section's value as compiled, nil for zeros
	copied  []byte // the memory when complete copied it, nil before
	arena   *object.Object
}

// Section makes *to point to the variables of a section, as they will be loaded.
func Section[T any](o *Opened, name string, to **T) {
	if o.err != nil {
		return
	}
	size := int(unsafe.Sizeof(**to))
	s, err := o.section(name, size)
	if err != nil {
		o.note(fmt.Errorf("section %s: %w", name, err))
		return
	}
	*to = (*T)(unsafe.Pointer(unsafe.SliceData(s.memory)))
}

func (o *Opened) section(name string, size int) (*section, error) {
	s := &section{name: name}
	var length int
	if name == object.ArenaSection {
		if o.Object.Arena == nil {
			return nil, fmt.Errorf("the object has no arena: %w", bpf.ErrNotExist)
		}
		s.m, s.arena, s.initial = o.Object.Arena, o.Object, o.Object.ArenaData
		length = len(s.initial)
	} else {
		var err error
		if s.m, err = o.Object.FindMap(name); err != nil {
			return nil, err
		}
		s.initial, length = s.m.Contents, int(s.m.ValueSize)
	}
	page := syscall.Getpagesize()
	pages := (length + page - 1) / page * page
	if length == 0 || pages < size { // the struct may be padded at its end
		return nil, fmt.Errorf("it has %d bytes, its variables %d: %w", length, size,
			syscall.EINVAL)
	}
	memory, err := sys.MmapZero(pages)
	if err != nil {
		return nil, fmt.Errorf("make memory for it: %w", err)
	}
	s.memory = memory
	s.use(memory[:length:length])
	copy(memory, s.initial)
	o.sections = append(o.sections, s)
	return s, nil
}

// use makes value the section's initial value.
func (s *section) use(value []byte) {
	if s.arena != nil {
		s.arena.ArenaData = value
		return
	}
	s.m.Contents = value
}

// value returns the section's initial value.
func (s *section) value() []byte {
	if s.arena != nil {
		return s.arena.ArenaData
	}
	return s.m.Contents
}

// complete prepares the section's initial value for the load. If it was replaced, as
// Map.SetValueSize does, it gets what was changed in the memory since then, or since the last load,
// which failed. Zeros in .bss are left to the kernel.
func (s *section) complete() {
	now := s.value()
	if now == nil && s.m.Kind == object.MapBss { // by a load that failed
		if size := int(s.m.ValueSize); size <= len(s.memory) {
			now = s.memory[:size:size]
		} else {
			now = make([]byte, size)
		}
		s.use(now)
	}
	if len(now) == 0 {
		return
	}
	if &now[0] != &s.memory[0] {
		if s.copied == nil {
			s.copied = make([]byte, len(s.memory))
			copy(s.copied, s.initial)
		}
		for i := range min(len(now), len(s.memory)) {
			if s.memory[i] != s.copied[i] {
				now[i] = s.memory[i]
			}
		}
		copy(s.copied, s.memory)
	}
	if s.m.Kind == object.MapBss && s.arena == nil &&
		!slices.ContainsFunc(now, func(b byte) bool { return b != 0 }) {
		s.m.Contents = nil
	}
}

// release gives the object the section's value as compiled instead of the memory.
func (s *section) release() {
	if now := s.value(); len(now) == 0 || &now[0] == &s.memory[0] {
		s.use(s.initial)
	}
}

// close gives the memory back.
func (s *section) close() error {
	if s.memory == nil {
		return nil
	}
	s.release()
	memory := s.memory
	s.memory = nil
	return sys.Munmap(memory)
}

// overlay maps the map's memory over the section's.
func (s *section) overlay(m *bpf.Map) error {
	prot := sys.ProtRead | sys.ProtWrite
	if m.Flags()&uapi.FRdonlyProg != 0 {
		prot = sys.ProtRead
	}
	length := min(len(s.memory), len(m.Memory()))
	at := unsafe.Pointer(unsafe.SliceData(s.memory))
	_, err := sys.MmapAt(at, m.FD(), 0, length, prot, sys.MapShared|sys.MapFixed)
	return err
}
