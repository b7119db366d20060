package sys

import (
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
)

// Prot says what mapped memory may be used for (the numbers that all Linux architectures share).
type Prot int

const (
	ProtNone  Prot = 0
	ProtRead  Prot = 1
	ProtWrite Prot = 2
)

// MmapFlags are the flags of mmap(2) (the numbers that all Linux architectures share).
type MmapFlags int

const (
	MapShared  MmapFlags = 1
	MapPrivate MmapFlags = 2
	MapFixed   MmapFlags = 0x10

	// MapFixedNoreplace (4.17): EEXIST if something is mapped there; older kernels treat the
	// address as a hint.
	MapFixedNoreplace MmapFlags = 0x100000
)

// Mmap maps length bytes of fd from offset on. The caller unmaps them with Munmap.
func Mmap(fd int, offset int64, length int, prot Prot, flags MmapFlags) ([]byte, error) {
	return MmapAt(nil, fd, offset, length, prot, flags)
}

// MmapAt does the same as Mmap at an address: a hint, or with MapFixed the exact place, whose old
// mapping is replaced.
func MmapAt(addr unsafe.Pointer, fd int, offset int64, length int, prot Prot,
	flags MmapFlags) ([]byte, error) {
	if length <= 0 {
		return nil, syscall.EINVAL
	}
	p, e := funnel.Current().Mmap(addr, uintptr(length), int(prot), int(flags), fd, offset)
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
