//go:build armbe || mips || mips64p32 || ppc || s390 || sparc

package sys

import "unsafe"

// Pointer is a pointer in a kernel attribute: 64 bits wide on every architecture. It is a real Go
// pointer, so its target stays alive as long as the attribute. The zero value is NULL.
type Pointer struct {
	_   uint32
	ptr unsafe.Pointer
}
