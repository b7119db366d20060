//go:build 386 || arm || mipsle || mips64p32le

package sys

import "unsafe"

// Pointer is a pointer in a kernel attribute: 64 bits wide on every architecture. It is a real Go
// pointer, so its target stays alive as long as the attribute. The zero value is NULL.
type Pointer struct {
	ptr unsafe.Pointer
	_   uint32
}
