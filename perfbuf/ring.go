package perfbuf

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Record types and the size of their common header (struct perf_event_header).
const (
	recordLost   = 2
	recordSample = 9
	headerSize   = 8
)

// header is struct perf_event_header.
type header struct {
	kind uint32
	misc uint16
	size uint16
}

// batchRecords is the maximum number of records delivered before the tail is stored.
const batchRecords = 64

// ring is the arithmetic of one perf ring over memory mapped by the caller.
type ring struct {
	head   *uint64 // written by the kernel
	tail   *uint64 // written by us
	data   []byte  // length is a power of two
	pos    uint64  // next value of *tail
	stored uint64
	joined []byte // the last record that crossed the end
	cpu    int
}

// newRing returns a ring with the control page's words and the data.
func newRing(head, tail *uint64, data []byte, cpu int) (*ring, error) {
	if len(data) == 0 || len(data)&(len(data)-1) != 0 {
		return nil, fmt.Errorf("%d bytes of data are not a power of two: %w",
			len(data), syscall.EINVAL)
	}
	at := atomic.LoadUint64(tail)
	return &ring{head: head, tail: tail, data: data, pos: at, stored: at, cpu: cpu}, nil
}

// CorruptError reports a ring whose contents break the protocol. Nothing more can be read from it.
type CorruptError struct {
	CPU      int
	Position uint64 // of the record
	Type     uint32
	Size     uint16
}

// Error says what is wrong with the record.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("perfbuf: CPU %d: the record at position %d, of type %d and %d bytes, "+
		"cannot have been written by a BPF program", e.CPU, e.Position, e.Type, e.Size)
}

func (r *ring) ready() bool { return atomic.LoadUint64(r.head) != r.pos }

// consume calls fn for the records that are available now, until limit is reached or fn returns an
// error, and counts them. Records that arrive meanwhile are left for the next call, or else a CPU
// that is never idle would keep the reader from the others. The tail is stored before it returns,
// also past a record for which fn returned an error.
func (r *ring) consume(limit int, fn func(Record) error) (n int, err error) {
	base, mask, cpu := unsafe.Pointer(unsafe.SliceData(r.data)), uint64(len(r.data)-1), r.cpu
	batch := (mask + 1) / 8
	pos, stored, pending := r.pos, r.stored, 0 // r is only written: a local variable is read faster
	defer r.store()                            // also if fn panics: what it saw is consumed
	head := atomic.LoadUint64(r.head)
	for head != pos {
		at := pos & mask
		// headers are aligned to their size, so they do not cross the end
		h := (*header)(unsafe.Add(base, at))
		size := uint64(h.size)
		if size < headerSize || size > head-pos || size > mask+1 || size%8 != 0 {
			return n, r.corrupt(h)
		}
		// nearly all records are of this form
		if h.kind == recordSample && size >= 16 && at+size <= mask+1 {
			length := *(*uint32)(unsafe.Add(base, at+headerSize))
			if uint64(length) > size-headerSize-4 {
				return n, r.corrupt(h)
			}
			pos += size
			r.pos = pos
			err = fn(Record{
				Data: unsafe.Slice((*byte)(unsafe.Add(base, at+headerSize+4)), length), CPU: cpu,
			})
		} else {
			record := Record{CPU: cpu}
			if !record.decode(h.kind, r.body(at, int(size))) {
				return n, r.corrupt(h)
			}
			pos += size
			r.pos = pos
			err = fn(record)
		}
		n++
		if err != nil || n >= limit {
			return n, err
		}
		if pending++; pending >= batchRecords || pos-stored >= batch {
			pending, stored = 0, pos
			r.store()
		}
	}
	return n, nil
}

func (r *ring) corrupt(h *header) error {
	return &CorruptError{CPU: r.cpu, Position: r.pos, Type: h.kind, Size: h.size}
}

// body returns the record at index at of the data, without its header.
func (r *ring) body(at uint64, size int) []byte {
	if int(at)+size <= len(r.data) {
		return r.data[at+headerSize : int(at)+size]
	}
	r.joined = append(r.joined[:0], r.data[at:]...)
	r.joined = append(r.joined, r.data[:size-len(r.joined)]...)
	return r.joined[headerSize:]
}

// decode reads a record's body: for a sample a length and that many bytes, for a lost record an id
// and a count.
func (rec *Record) decode(kind uint32, body []byte) bool {
	switch {
	case kind == recordSample && len(body) >= 4:
		size := binary.NativeEndian.Uint32(body)
		if uint64(size) > uint64(len(body)-4) {
			return false
		}
		rec.Data = body[4 : 4+size : 4+size]
		return true
	case kind == recordLost && len(body) >= 16:
		rec.Lost = binary.NativeEndian.Uint64(body[8:])
		return true
	}
	return false
}

// store publishes the reader's position.
func (r *ring) store() {
	if r.pos != r.stored {
		r.stored = r.pos
		atomic.StoreUint64(r.tail, r.pos)
	}
}
