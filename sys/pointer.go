package sys

import (
	"syscall"
	"unsafe"
)

// Ptr makes a Pointer of p.
func Ptr(p unsafe.Pointer) Pointer { return Pointer{ptr: p} }

// Slice makes a Pointer to the first element of s, NULL if s is empty.
func Slice[T any](s []T) Pointer {
	if len(s) == 0 {
		return Pointer{}
	}
	return Pointer{ptr: unsafe.Pointer(unsafe.SliceData(s))}
}

// CString makes a Pointer to a copy of s, terminated by a NUL. EINVAL if s contains a NUL itself.
func CString(s string) (Pointer, error) {
	b, err := syscall.ByteSliceFromString(s)
	if err != nil {
		return Pointer{}, syscall.EINVAL
	}
	return Slice(b), nil
}

// Unsafe returns the pointer itself.
func (p Pointer) Unsafe() unsafe.Pointer { return p.ptr }

// IsNil reports whether p is NULL.
func (p Pointer) IsNil() bool { return p.ptr == nil }

// ObjName is the name of a kernel object: at most 15 bytes and a NUL (BPF_OBJ_NAME_LEN).
type ObjName [16]byte

// Name makes an ObjName of s, cut after 15 bytes.
func Name(s string) (n ObjName) {
	copy(n[:len(n)-1], s)
	return n
}

// String returns the name up to its NUL.
func (n ObjName) String() string { return goString(n[:]) }

func goString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
