package skel

import (
	"sync/atomic"
	"unsafe"
)

// Number is the type of a variable that can be read and written atomically.
type Number interface {
	~int32 | ~uint32 | ~int64 | ~uint64
}

// Load atomically reads a variable that programs change at the same time.
func Load[T Number](v *T) T {
	if unsafe.Sizeof(*v) == 4 {
		return T(atomic.LoadUint32((*uint32)(unsafe.Pointer(v))))
	}
	return T(atomic.LoadUint64((*uint64)(unsafe.Pointer(v))))
}

// Store atomically writes a variable that programs use at the same time.
func Store[T Number](v *T, value T) {
	if unsafe.Sizeof(*v) == 4 {
		atomic.StoreUint32((*uint32)(unsafe.Pointer(v)), uint32(value))
		return
	}
	atomic.StoreUint64((*uint64)(unsafe.Pointer(v)), uint64(value))
}

// Add atomically adds delta to a variable that programs use at the same time, and returns the sum.
// Additions by C's __sync_fetch_and_add and __atomic_fetch_add are not lost.
func Add[T Number](v *T, delta T) T {
	if unsafe.Sizeof(*v) == 4 {
		return T(atomic.AddUint32((*uint32)(unsafe.Pointer(v)), uint32(delta)))
	}
	return T(atomic.AddUint64((*uint64)(unsafe.Pointer(v)), uint64(delta)))
}

// Swap atomically writes a variable that programs use at the same time, and returns its old value.
func Swap[T Number](v *T, value T) T {
	if unsafe.Sizeof(*v) == 4 {
		return T(atomic.SwapUint32((*uint32)(unsafe.Pointer(v)), uint32(value)))
	}
	return T(atomic.SwapUint64((*uint64)(unsafe.Pointer(v)), uint64(value)))
}
