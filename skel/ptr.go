package skel

import "fmt"

// Ptr is a pointer of C to a T, as programs and the kernel store it: 8 bytes on every machine. It
// is no address that Go code can use, except for one into an arena: see [Arena]. T is struct{} if
// the type that it points to is not known.
type Ptr[T any] uint64

// IsNull reports whether it is the null pointer.
func (p Ptr[T]) IsNull() bool { return p == 0 }

// String returns the address in hexadecimal.
func (p Ptr[T]) String() string { return fmt.Sprintf("%#x", uint64(p)) }
