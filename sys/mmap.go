package sys

import (
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
)

// Protection and flags for Mmap (the numbers that all Linux architectures share).
const (
	ProtNone  = 0
	ProtRead  = 1
	ProtWrite = 2

	MapShared  = 1
	MapPrivate = 2
	MapFixed   = 0x10

	// 4.17: EEXIST if something is mapped there; older kernels treat the address as a hint
	MapFixedNoreplace = 0x100000
)

// Mmap maps length bytes of fd from offset on. The caller unmaps them with Munmap.
func Mmap(fd int, offset int64, length, prot, flags int) ([]byte, error) {
	return MmapAt(nil, fd, offset, length, prot, flags)
}

// MmapAt does the same as Mmap at an address: a hint, or with MapFixed the exact place, whose old
// mapping is replaced.
func MmapAt(addr unsafe.Pointer, fd int, offset int64, length, prot, flags int) ([]byte, error) {
	if length <= 0 {
		return nil, syscall.EINVAL
	}
	p, e := funnel.Current().Mmap(addr, uintptr(length), prot, flags, fd, offset)
	if e != 0 {
		return nil, e
	}
	return unsafe.Slice((*byte)(p), length), nil
}

// MmapZero returns length bytes of private memory that read as zero and take memory only where they
// are written. The caller unmaps them with Munmap.
func MmapZero(length int) ([]byte, error) {
	return Mmap(-1, 0, length, ProtRead|ProtWrite, MapPrivate|mapAnonymous)
}

// Munmap removes a mapping. b must be the whole slice that Mmap returned, and must not be used any
// more.
func Munmap(b []byte) error {
	if cap(b) == 0 {
		return nil
	}
	return errnoErr(funnel.Current().Munmap(unsafe.Pointer(unsafe.SliceData(b)), uintptr(cap(b))))
}
