package skel

import (
	"errors"
	"fmt"
	"log/slog"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/object"
)

// Loaded is an object in the kernel. Generated code has one in its type.
type Loaded struct {
	Object   *bpf.Object
	name     string
	err      error
	sections []*section
	readers  readers
	logger   *slog.Logger
}

// Program sets *to to a program of the object.
func (l *Loaded) Program(name string, to **bpf.Program) {
	*to = l.Object.Program(name)
	l.note((*to).Err())
}

// Map sets *to to a map of the object.
func (l *Loaded) Map(name string, to **bpf.Map) {
	*to = l.Object.Map(name)
	l.note((*to).Err())
}

// created returns the map of that name, nil if the load did not create it.
func (l *Loaded) created(name string) *bpf.Map {
	m := l.Object.Map(name)
	l.note(m.Err())
	if !m.Created() {
		return nil
	}
	return m
}

// MapOf sets *to to a typed map of the object; to nil if the load didn't create it.
func MapOf[K, V any](l *Loaded, name string, to **bpf.TypedMap[K, V]) {
	if m := l.created(name); m != nil {
		var err error
		*to, err = bpf.MapOf[K, V](m)
		l.note(err)
	}
}

// PerCPUMapOf sets *to to a typed map of the object with a value for each CPU; to nil if the load
// didn't create it.
func PerCPUMapOf[K, V any](l *Loaded, name string, to **bpf.PerCPUMap[K, V]) {
	if m := l.created(name); m != nil {
		var err error
		*to, err = bpf.PerCPUMapOf[K, V](m)
		l.note(err)
	}
}

// RingOf sets *to to a ring buffer of the object.
func RingOf[T any](l *Loaded, name string, to **Ring[T]) {
	if m := l.created(name); m != nil {
		*to = &Ring[T]{m, &l.readers}
	}
}

// PerfBufOf sets *to to a perf buffer of the object.
func PerfBufOf[T any](l *Loaded, name string, to **PerfBuf[T]) {
	if m := l.created(name); m != nil {
		*to = &PerfBuf[T]{m, &l.readers}
	}
}

// UserRingOf sets *to to a user ring buffer of the object.
func UserRingOf(l *Loaded, name string, to **UserRing) {
	if m := l.created(name); m != nil {
		*to = &UserRing{m: m}
	}
}

// LiveSection makes *to point to the variables of a section in the memory that programs use, where
// they were before the load. If the map is not memory-mapped, *to stays nil and the logger gets a
// message.
func LiveSection[T any](l *Loaded, name string, to **T) { *to = live[T](l, name) }

// LiveConst is LiveSection for variables that can't be written any more.
func LiveConst[T any](l *Loaded, name string, to *Const[T]) { to.p = live[T](l, name) }

func live[T any](l *Loaded, name string) *T {
	m := l.Object.Map(name)
	if name == object.ArenaSection {
		return nil // see LiveArena
	}
	l.note(m.Err())
	memory := m.Memory()
	if l.err != nil || memory == nil {
		l.unmapped(name)
		return nil
	}
	for _, s := range l.sections {
		if s.name != name {
			continue
		}
		if err := s.overlay(m); err != nil {
			l.note(fmt.Errorf("section %s: map its memory: %w", name, err))
			return nil
		}
		return (*T)(unsafe.Pointer(unsafe.SliceData(s.memory)))
	}
	if len(memory) < int(unsafe.Sizeof(*new(T))) {
		l.note(fmt.Errorf("section %s: its map has %d bytes: %w", name, len(memory),
			bpf.ErrTooBig))
		return nil
	}
	return (*T)(unsafe.Pointer(unsafe.SliceData(memory)))
}

// LiveArena makes *to point to the global variables in the arena, where the programs' are: first is
// the name of one of them, at off. Unlike variables of other sections they get another address when
// the object is loaded, as in libbpf, because the kernel chooses where the arena is. It stays nil
// if there is no arena.
func LiveArena[T any](l *Loaded, first string, off int, to **T) {
	*to = nil
	v := l.Object.Variable(first)
	b, err := v.Bytes()
	if err != nil {
		l.unmapped(object.ArenaSection)
		return
	}
	arena := v.Map().Memory()
	end := int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))-
		uintptr(unsafe.Pointer(unsafe.SliceData(arena)))) - off
	if end < 0 || end+int(unsafe.Sizeof(**to)) > len(arena) {
		l.note(fmt.Errorf("the variables in the arena end outside of it: %w", bpf.ErrTooBig))
		return
	}
	*to = (*T)(unsafe.Pointer(&arena[end]))
}

func (l *Loaded) unmapped(name string) {
	l.logger.Warn("the section's variables have no memory here: use Object.Variable",
		"object", l.name, "section", name)
}

func (l *Loaded) note(err error) {
	if l.err == nil && err != nil {
		l.err = fmt.Errorf("skeleton %s: %w", l.name, err)
	}
}

// Err returns the first error of setting up the skeleton, and closes the object if there was an
// error.
func (l *Loaded) Err() error {
	if l.err != nil {
		return errors.Join(l.err, l.Close())
	}
	return nil
}

// Close closes the object, ends the loops over records of its rings, and frees the memory of its
// variables. A second Close does nothing.
func (l *Loaded) Close() error {
	errs := []error{l.readers.close(), l.Object.Close()}
	for _, s := range l.sections {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// LinkOf returns the link of a program or of a struct_ops map, nil if there is none.
func LinkOf(links bpf.Links, name string) *bpf.Link {
	for _, l := range links {
		if l.Name() == name {
			return l
		}
	}
	return nil
}
