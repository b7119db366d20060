package arena

import (
	"cmp"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/layout"
	"github.com/purebpf/bpf/uapi"
)

// Walker follows pointers into an arena during [Walk]. It is for one goroutine.
type Walker struct {
	memory []byte
	name   string
	last   reflect.Type // the last type that has a fixed layout
	types  map[reflect.Type]error
}

// Walk calls f with a Walker for the memory of m, which stays mapped until f returns. f must not
// close m. If f touches a page that the kernel refuses, Walk ends it and returns EFAULT; this works
// in the goroutine of f only. ErrNotSupported if m is not mapped; ErrClosed if it is closed.
func Walk(m *bpf.Map, f func(*Walker) error) (err error) {
	if m.Type() != uapi.MapArena {
		return fmt.Errorf("map %s is %v, not an arena: %w", m.Name(), m.Type(), syscall.EINVAL)
	}
	return m.UseMemory(func(memory []byte) error {
		w := &Walker{memory: memory, name: m.Name()}
		return w.run(f)
	})
}

// run calls f and makes an error of a fault in the arena.
func (w *Walker) run(f func(*Walker) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		fault, ok := r.(interface {
			runtime.Error
			Addr() uintptr
		})
		if !ok {
			panic(r)
		}
		off := fault.Addr() - uintptr(unsafe.Pointer(unsafe.SliceData(w.memory)))
		if off >= uintptr(len(w.memory)) {
			panic(r)
		}
		err = fmt.Errorf("arena %s: there is no page at offset %#x, and the kernel adds none: %w",
			w.name, off, syscall.EFAULT)
	}()
	return f(w)
}

// locate returns the address of n values of type t at p.
func (w *Walker) locate(p uint64, t reflect.Type, n int) (unsafe.Pointer, error) {
	if t != w.last {
		if err := w.check(t); err != nil {
			return nil, err
		}
		w.last = t
	}
	// All addresses of an arena have the same upper half. With BPF_F_NO_USER_CONV programs store
	// only the lower half.
	start := unsafe.Pointer(unsafe.SliceData(w.memory))
	upper := p >> 32
	off := uint64(uint32(p) - uint32(uintptr(start)))
	size := uint64(len(w.memory))
	switch {
	case p == 0:
		return nil, fmt.Errorf("arena %s: the pointer to %v is null: %w", w.name, t, syscall.EINVAL)
	case upper != 0 && upper != uint64(uintptr(start))>>32 || off >= size:
		return nil, fmt.Errorf("arena %s: %#x points outside: %w", w.name, p, syscall.EINVAL)
	case n < 0 || t.Size() > 0 && uint64(n) > (size-off)/uint64(t.Size()):
		return nil, fmt.Errorf("arena %s: %d × %v at %#x would end outside: %w", w.name, n, t, p,
			syscall.EINVAL)
	case off%uint64(t.Align()) != 0:
		return nil, fmt.Errorf("arena %s: %#x is not aligned for %v, which needs %d bytes: %w",
			w.name, p, t, t.Align(), syscall.EINVAL)
	}
	return unsafe.Add(start, uintptr(off)), nil
}

// check returns why values of type t can't lie in an arena, nil if they can.
func (w *Walker) check(t reflect.Type) error {
	err, ok := w.types[t]
	if !ok {
		if _, err = layout.Check(t, uint32(t.Size()), nil, 0); err != nil {
			err = fmt.Errorf("arena %s: %w: %w", w.name, err, syscall.EINVAL)
		}
		if w.types == nil {
			w.types = map[reflect.Type]error{}
		}
		w.types[t] = err
	}
	return err
}

// most returns how many values of type t have room in the arena.
func (w *Walker) most(t reflect.Type) int { return len(w.memory) / int(cmp.Or(t.Size(), 1)) }
