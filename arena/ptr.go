package arena

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/layout"
)

// Ptr is a C pointer to a T, as programs and the kernel store it: 8 bytes on every machine, which
// Go can't use as an address. T has a fixed layout and no Go pointers, and is struct{} if what it
// points to isn't known.
type Ptr[T any] uint64

// IsNull reports whether p is the null pointer.
func (p Ptr[T]) IsNull() bool { return p == 0 }

// String returns the address in hexadecimal.
func (p Ptr[T]) String() string { return fmt.Sprintf("%#x", uint64(p)) }

// Load returns *p, which a program may change meanwhile, and what it wrote before. *p must be
// aligned to 8 bytes.
func (p *Ptr[T]) Load() Ptr[T] { return Ptr[T](atomic.LoadUint64((*uint64)(p))) }

// Store changes *p for programs, which then see what was written before. *p must be aligned to 8
// bytes.
func (p *Ptr[T]) Store(to Ptr[T]) { atomic.StoreUint64((*uint64)(p), uint64(to)) }

// In returns what p points to in the arena of w. It is shared with programs, and must not be used
// after [Walk] has returned. EINVAL if p is null, points outside of the arena, or not to where a T
// can lie, or if T has no fixed layout.
func (p Ptr[T]) In(w *Walker) (*T, error) {
	at, err := w.locate(uint64(p), reflect.TypeFor[T](), 1)
	return (*T)(at), err
}

// Slice does the same as In with an array of n elements.
func (p Ptr[T]) Slice(w *Walker, n int) ([]T, error) {
	at, err := w.locate(uint64(p), reflect.TypeFor[T](), n)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*T)(at), n), nil
}

// PtrTo returns the pointer with which programs find v, which lies in the arena of w.
func PtrTo[T any](w *Walker, v *T) (Ptr[T], error) {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(w.memory)))
	off := uintptr(unsafe.Pointer(v)) - start
	if off >= uintptr(len(w.memory)) {
		return 0, fmt.Errorf("arena %s: the %T is not in it: %w", w.name, v, syscall.EINVAL)
	}
	return Ptr[T](start + off), nil
}

// Root returns the pointer that v holds, a global variable of the programs. It lies in the
// programs' memory, and must not be used after the object is closed. If the object has the type of
// v, T must have the layout of what it points to. ErrNotSupported if v's map is not mapped.
func Root[T any](v *bpf.Variable) (*Ptr[T], error) {
	p, err := bpf.VarOf[Ptr[T]](v)
	if err != nil {
		return nil, err
	}
	spec := v.Map().BTF()
	if spec == nil || v.Type() == 0 {
		return p, nil
	}
	pointer := spec.Skip(v.Type())
	if pointer.Kind() != btf.KindPtr {
		return nil, fmt.Errorf("variable %s is not a pointer: %w", v.Name(), syscall.EINVAL)
	}
	to := spec.Skip(pointer.Ref())
	if to.Kind() == btf.KindVoid || to.Kind() == btf.KindFwd {
		return p, nil
	}
	size, err := spec.SizeOf(to.ID())
	t := reflect.TypeFor[T]()
	switch {
	case err != nil:
	case size > math.MaxUint32:
		err = errors.New("it is too big")
	case uint64(t.Size()) != size:
		err = fmt.Errorf("%v has %d bytes, the %v %s has %d", t, t.Size(),
			strings.ToLower(to.Kind().String()), to.Name(), size)
	default:
		_, err = layout.Check(t, uint32(size), spec, to.ID())
	}
	if err != nil {
		return nil, fmt.Errorf("what variable %s points to: %w: %w", v.Name(), err, syscall.EINVAL)
	}
	return p, nil
}
