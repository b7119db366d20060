//go:build amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x || sparc64 || wasm

package sys

import "unsafe"

// Pointer is a pointer in a kernel attribute: 64 bits wide on every architecture. It is a real Go
// pointer, so its target stays alive as long as the attribute. The zero value is NULL.
type Pointer struct {
	ptr unsafe.Pointer
}
