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

	MapFixedNoreplace = 0x100000 // 4.17: EEXIST if something is mapped there; older kernels take the address for a hint
)

// Mmap maps length bytes of fd from offset on. Munmap it.
func Mmap(fd int, offset int64, length, prot, flags int) ([]byte, error) {
	return MmapAt(nil, fd, offset, length, prot, flags)
}

// MmapAt is Mmap with an address: a hint, or with MapFixed the place itself, whose old mapping is replaced.
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

// MmapZero gives length bytes of private memory that read as zero and take room only where they are written. Munmap it.
func MmapZero(length int) ([]byte, error) {
	return Mmap(-1, 0, length, ProtRead|ProtWrite, MapPrivate|mapAnonymous)
}

// Munmap ends a mapping. b must be the whole slice that Mmap returned; nobody may touch it any more.
func Munmap(b []byte) error {
	if cap(b) == 0 {
		return nil
	}
	return errnoErr(funnel.Current().Munmap(unsafe.Pointer(unsafe.SliceData(b)), uintptr(cap(b))))
}
