package ringbuf

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Bits of a record's header, and the size of one.
const (
	busyBit    = 1 << 31
	discardBit = 1 << 30
	headerSize = 8
)

// batchRecords is the maximum number of records delivered before the consumer's position is stored.
const batchRecords = 64

// ring is the arithmetic of one ring buffer over memory mapped by the caller.
type ring struct {
	consumer *uintptr // position of the consumer, written only by us
	producer *uintptr
	data     unsafe.Pointer // 2*size bytes, the second half mapping the first again
	mask     uintptr        // size - 1
	pos      uintptr        // next value of *consumer
	stored   uintptr        // value of *consumer
	index    int            // among the reader's rings, for records and errors
	name     string         // of the map, for errors
}

// newRing returns a ring with the position words and the doubly mapped data, whose length is twice
// a power of two.
func newRing(consumer, producer *uintptr, data []byte) (*ring, error) {
	size := uintptr(len(data) / 2)
	if size == 0 || size&(size-1) != 0 || len(data)%2 != 0 {
		return nil, fmt.Errorf("%d bytes of data are not twice a power of two: %w",
			len(data), syscall.EINVAL)
	}
	at := atomic.LoadUintptr(consumer)
	return &ring{consumer: consumer, producer: producer,
		data: unsafe.Pointer(unsafe.SliceData(data)), mask: size - 1, pos: at, stored: at}, nil
}

// CorruptError reports a ring whose contents break the protocol. Nothing more can be read from it.
type CorruptError struct {
	Position uint64 // of the record
	Length   uint32 // according to its header
	Written  uint64 // bytes up to the producer's position
}

// Error says what is wrong with the record.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("ringbuf: the record at position %d claims to have %d bytes, but only %d "+
		"were written", e.Position, e.Length, e.Written)
}

// ready reports whether a record can be read: one is there and not busy. Discarded ones count.
func (r *ring) ready() bool {
	if atomic.LoadUintptr(r.producer) == r.pos {
		return false
	}
	return atomic.LoadUint32((*uint32)(unsafe.Add(r.data, r.pos&r.mask)))&busyBit == 0
}

// consume calls fn for records until there are none, the next one is busy, limit is reached, or fn
// returns an error, and counts them. The position is stored before it returns, also past a record
// for which fn returned an error.
func (r *ring) consume(limit int, fn func(Record) error) (n int, err error) {
	batch := (r.mask + 1) / 8
	pending := 0
	defer r.store() // also if fn panics: what it saw is consumed
	for {
		producer := atomic.LoadUintptr(r.producer)
		if producer == r.pos {
			return n, nil
		}
		for producer != r.pos {
			header := unsafe.Add(r.data, r.pos&r.mask)
			length := atomic.LoadUint32((*uint32)(header))
			if length&busyBit != 0 {
				return n, nil
			}
			size := uintptr(length &^ (busyBit | discardBit))
			total := (size + headerSize + 7) &^ 7
			if total > producer-r.pos || total > r.mask+1 {
				corrupt := &CorruptError{Position: uint64(r.pos), Length: uint32(size),
					Written: uint64(producer - r.pos)}
				return n, fmt.Errorf("map %s: %w", r.name, corrupt)
			}
			r.pos += total
			if length&discardBit == 0 {
				n++
				if err := fn(Record{Data: unsafe.Slice((*byte)(unsafe.Add(header, headerSize)),
					size), Ring: r.index}); err != nil {
					return n, err
				}
				if n >= limit {
					return n, nil
				}
			}
			if pending++; pending >= batchRecords || r.pos-r.stored >= batch {
				pending = 0
				r.store()
			}
		}
		// Store before looking for more: a producer that sees the old position sends no wake-up.
		r.store()
		pending = 0
	}
}

// store publishes the consumer's position.
func (r *ring) store() {
	if r.pos != r.stored {
		r.stored = r.pos
		atomic.StoreUintptr(r.consumer, r.pos)
	}
}
