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
	if err := m.Err(); err != nil {
		return err
	}
	if m.Type() != uapi.MapArena {
		return fmt.Errorf("map %s is %v, not an arena: %w", m.Name(), m.Type(), syscall.EINVAL)
	}
	return m.UseMemory(func(memory []byte) error {
		w := &Walker{memory: memory, name: m.Name()}
		defer func() { w.memory = nil }() // a Walker that f has kept finds nothing
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

// reach is where values of one type can lie in an arena.
type reach struct {
	start unsafe.Pointer
	last  uint64 // the greatest offset of a value
	align uint64 // less 1
}

// at returns the address of what p points to, nil if p is not the address of a place for a value.
func (r reach) at(p uint64) unsafe.Pointer {
	off := p - uint64(uintptr(r.start))
	if off > r.last || off&r.align != 0 {
		return nil
	}
	return unsafe.Add(nil, uintptr(p)) // not start + off, for which the next access would wait
}

// reach returns where n values of type t can lie.
func (w *Walker) reach(t reflect.Type, n int) (reach, error) {
	if t != w.last {
		if err := w.check(t); err != nil {
			return reach{}, err
		}
		w.last = t
	}
	size := uintptr(len(w.memory))
	if n < 0 || t.Size() > 0 && uintptr(n) > size/t.Size() {
		return reach{}, fmt.Errorf("arena %s: %d × %v would end outside: %w", w.name, n, t,
			syscall.EINVAL)
	}
	last := size - uintptr(n)*t.Size()
	return reach{unsafe.Pointer(unsafe.SliceData(w.memory)), uint64(min(last, size-1)),
		uint64(t.Align()) - 1}, nil
}

// locate returns the address of n values of type t at p.
func (w *Walker) locate(p uint64, t reflect.Type, n int) (unsafe.Pointer, error) {
	r, err := w.reach(t, n)
	if err != nil {
		return nil, err
	}
	if at := r.at(p); at != nil {
		return at, nil
	}
	return w.other(r, p, t)
}

// other does what r.at does for a p that it refuses: one that has only its lower half, as programs
// store it with BPF_F_NO_USER_CONV. All addresses of an arena have the same upper half.
func (w *Walker) other(r reach, p uint64, t reflect.Type) (unsafe.Pointer, error) {
	start := uint64(uintptr(r.start))
	if p != 0 && p>>32 == 0 {
		if at := r.at(start&^0xffff_ffff | p); at != nil {
			return at, nil
		}
		p |= start &^ 0xffff_ffff
	}
	off := p - start
	switch {
	case p == 0:
		return nil, fmt.Errorf("arena %s: the pointer to %v is null: %w", w.name, t, syscall.EINVAL)
	case off >= uint64(len(w.memory)):
		return nil, fmt.Errorf("arena %s: %#x points outside: %w", w.name, p, syscall.EINVAL)
	case off > r.last:
		return nil, fmt.Errorf("arena %s: what %#x points to would end outside: %w", w.name, p,
			syscall.EINVAL)
	}
	return nil, fmt.Errorf("arena %s: %#x is not aligned for %v, which needs %d bytes: %w", w.name,
		p, t, t.Align(), syscall.EINVAL)
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
