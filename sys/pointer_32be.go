//go:build armbe || mips || mips64p32 || ppc || s390 || sparc

package sys

import "unsafe"

// Pointer is a pointer in a kernel attribute: 64 bits wide on every architecture. It is a real Go pointer, so what it points to
// stays alive while the attribute does. The zero value is NULL.
type Pointer struct {
	_   uint32
	ptr unsafe.Pointer
}
