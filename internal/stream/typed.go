package stream

import (
	"fmt"
	"reflect"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/layout"
)

// Typed turns the bytes of records into values of T. One goroutine uses it at a time; any may call
// Malformed.
type Typed[T any] struct {
	aligned   T // copy of a record that isn't aligned for a T
	malformed atomic.Uint64
}

// Prove checks that T has the layout of the C type with that name, as bpf.MapOf does for values; if
// the name is empty, it only checks that T can be a record.
func (t *Typed[T]) Prove(spec *btf.Spec, name string) error {
	typ := reflect.TypeFor[T]()
	if typ.Size() == 0 {
		return fmt.Errorf("%v has no bytes; read the bytes of records instead: %w", typ,
			syscall.EINVAL)
	}
	var id btf.ID
	if name != "" {
		var err error
		if id, err = layout.Named(spec, name); err != nil {
			return fmt.Errorf("record: %w: %w", err, syscall.EINVAL)
		}
	}
	if _, err := layout.Check(typ, uint32(typ.Size()), spec, id); err != nil {
		return fmt.Errorf("record: %w: %w", err, syscall.EINVAL)
	}
	return nil
}

// View returns a record as a T: the record's own memory if it is aligned for T, else a copy that is
// valid until the next call. It returns nil if the record is too short.
func (t *Typed[T]) View(record []byte) *T {
	if uintptr(len(record)) < unsafe.Sizeof(t.aligned) {
		return nil
	}
	at := unsafe.Pointer(unsafe.SliceData(record))
	if uintptr(at)&(unsafe.Alignof(t.aligned)-1) != 0 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&t.aligned)), unsafe.Sizeof(t.aligned)), record)
		return &t.aligned
	}
	return (*T)(at)
}

// Short counts a record of a map that is too short, and returns the error.
func (t *Typed[T]) Short(mapName string, record []byte) error {
	t.malformed.Add(1)
	return &SizeError{mapName, len(record), int(unsafe.Sizeof(t.aligned))}
}

// Malformed returns how many records were too short.
func (t *Typed[T]) Malformed() uint64 { return t.malformed.Load() }

// SizeError reports a record that is too short for its type.
type SizeError struct {
	Map        string
	Size, Want int
}

// Error names the map and both sizes.
func (e *SizeError) Error() string {
	return fmt.Sprintf("a record of %s has %d bytes, its type %d: another program writes other "+
		"records; read its bytes", e.Map, e.Size, e.Want)
}
