package skel

import (
	"fmt"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf"
)

// Ptr is a C pointer to a T, as programs and the kernel store it: 8 bytes on every machine. Go code
// can't use it as an address; In follows a pointer into an arena. T is struct{} if the skeleton
// doesn't have the type that it points to.
type Ptr[T any] uint64

// IsNull reports whether it is the null pointer.
func (p Ptr[T]) IsNull() bool { return p == 0 }

// String returns the address in hexadecimal.
func (p Ptr[T]) String() string { return fmt.Sprintf("%#x", uint64(p)) }

// In returns what a pointer into an arena points to, nil for the null pointer. The error is
// [bpf.ErrNotSupported] if the map is not mapped, and EINVAL if the pointer points outside. The
// memory is shared with programs, and invalid once the map is closed. Touching a page that no
// program has allocated allocates it; with BPF_F_SEGV_ON_FAULT it crashes the process.
func (p Ptr[T]) In(arena *bpf.Map) (*T, error) {
	if p == 0 {
		return nil, nil
	}
	memory := arena.Memory()
	if len(memory) == 0 {
		return nil, fmt.Errorf("skel: follow %v: map %s is not mapped: %w", p, arena.Name(),
			bpf.ErrNotSupported)
	}
	// The lower half of an address says which byte of the arena it is, wherever that is mapped.
	start := unsafe.Pointer(unsafe.SliceData(memory))
	off := uint64(uint32(p) - uint32(uintptr(start)))
	if off+uint64(unsafe.Sizeof(*new(T))) > uint64(len(memory)) {
		return nil, fmt.Errorf("skel: follow %v: it points outside of map %s: %w", p, arena.Name(),
			syscall.EINVAL)
	}
	return (*T)(unsafe.Add(start, uintptr(off))), nil
}
