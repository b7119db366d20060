package userringbuf

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Bits of a sample's header, and the size of one.
const (
	busyBit    = 1 << 31
	discardBit = 1 << 30
	headerSize = 8
)

// maxSample is the length of the largest sample that the kernel can pass to a program, as a dynptr.
// A longer one would block the ring for good: each attempt to drain it fails with E2BIG.
const maxSample = 1<<24 - 1

// ErrFull reports that there is no room for the sample until a program drains others. It is ENOSPC,
// too.
var ErrFull error = fullError{}

type fullError struct{}

func (fullError) Error() string { return "userringbuf: no room in the ring" }
func (fullError) Unwrap() error { return syscall.ENOSPC }

// CorruptError reports a ring whose positions break the protocol, because something else writes to
// it. Nothing more can be written.
type CorruptError struct {
	Consumer uint64
	Producer uint64
	Size     uint64
}

// Error names the positions.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("the producer's position %d and the consumer's %d are impossible in a "+
		"ring of %d bytes", e.Producer, e.Consumer, e.Size)
}

// ring is the arithmetic of one user ring buffer over memory mapped by the caller.
type ring struct {
	consumer *uintptr // position of the kernel
	producer *uintptr // our position
	data     unsafe.Pointer
	mask     uintptr // size - 1
}

// newRing returns a ring with the position words and the doubly mapped data, whose length is twice
// a power of two.
func newRing(consumer, producer *uintptr, data []byte) (*ring, error) {
	size := uintptr(len(data) / 2)
	if size < headerSize || size&(size-1) != 0 || len(data)%2 != 0 {
		return nil, fmt.Errorf("%d bytes of data are not twice a power of two: %w",
			len(data), syscall.EINVAL)
	}
	return &ring{consumer: consumer, producer: producer,
		data: unsafe.Pointer(unsafe.SliceData(data)), mask: size - 1}, nil
}

// max returns the length of the longest sample.
func (r *ring) max() int { return int(min(r.mask+1-headerSize, maxSample)) }

// room returns the number of free bytes and their position.
func (r *ring) room() (free, at uintptr, err error) {
	consumer, producer := atomic.LoadUintptr(r.consumer), atomic.LoadUintptr(r.producer)
	used := producer - consumer
	if used > r.mask+1 || producer%8 != 0 {
		return 0, 0, &CorruptError{Consumer: uint64(consumer), Producer: uint64(producer),
			Size: uint64(r.mask + 1)}
	}
	return r.mask + 1 - used, producer, nil
}

// reserve creates a busy sample of size bytes and returns its header, which its data follows.
func (r *ring) reserve(size int) (*uint32, error) {
	switch {
	case size < 0:
		return nil, syscall.EINVAL
	case size > r.max():
		return nil, syscall.E2BIG
	}
	free, at, err := r.room()
	if err != nil {
		return nil, err
	}
	total := span(size)
	if total > free {
		return nil, ErrFull
	}
	header := (*[2]uint32)(unsafe.Add(r.data, at&r.mask))
	*header = [2]uint32{uint32(size) | busyBit, 0}
	atomic.StoreUintptr(r.producer, at+total) // from here on the kernel sees the header
	return &header[0], nil
}

// span returns the number of bytes that a sample takes in the ring.
func span(size int) uintptr { return (uintptr(size) + headerSize + 7) &^ 7 }

// body returns the data after a header.
func body(header *uint32, size int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(header), headerSize)), size)
}
