package perfbuf

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
)

// Record types and the size of their common header (struct perf_event_header).
const (
	recordLost   = 2
	recordSample = 9
	headerSize   = 8
)

// batchRecords is how many records are handed out at most before the tail is stored.
const batchRecords = 64

// ring is the arithmetic of one perf ring over memory that somebody else maps.
type ring struct {
	head   *uint64 // the kernel's
	tail   *uint64 // ours
	data   []byte  // length is a power of two
	pos    uint64  // what *tail will be once it is stored
	stored uint64
	joined []byte // the last record that crossed the end
	cpu    int
}

// newRing takes the control page's words and the data.
func newRing(head, tail *uint64, data []byte, cpu int) (*ring, error) {
	if len(data) == 0 || len(data)&(len(data)-1) != 0 {
		return nil, fmt.Errorf("perfbuf: %d bytes of data are not a power of two", len(data))
	}
	at := atomic.LoadUint64(tail)
	return &ring{head: head, tail: tail, data: data, pos: at, stored: at, cpu: cpu}, nil
}

// CorruptError is a ring whose contents break the protocol. Nothing can be read from it any more.
type CorruptError struct {
	CPU      int
	Position uint64 // of the record
	Type     uint32
	Size     uint16
}

// Error says what is wrong with the record.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("perfbuf: CPU %d: the record at position %d, of type %d and %d bytes, is none that a BPF program can have written", e.CPU, e.Position, e.Type, e.Size)
}

func (r *ring) ready() bool { return atomic.LoadUint64(r.head) != r.pos }

// consume hands records to fn until there are none, limit were handed out, or fn says stop, and counts them. The tail is stored before
// it returns, also past a record for which fn said stop.
func (r *ring) consume(limit int, fn func(Record) bool) (n int, more bool, err error) {
	batch := uint64(len(r.data) / 8)
	pending := 0
	defer r.store() // also when fn panics: what it saw is consumed
	for {
		head := atomic.LoadUint64(r.head)
		if head == r.pos {
			return n, true, nil
		}
		for head != r.pos {
			at := r.pos & uint64(len(r.data)-1)
			header := r.data[at:] // headers are aligned to their size, they don't cross the end
			kind, size := binary.NativeEndian.Uint32(header), binary.NativeEndian.Uint16(header[6:])
			if size < headerSize || uint64(size) > head-r.pos || int(size) > len(r.data) || size%8 != 0 {
				return n, false, r.corrupt(kind, size)
			}
			record, ok := decode(kind, r.body(at, int(size)))
			if !ok {
				return n, false, r.corrupt(kind, size)
			}
			record.CPU = r.cpu
			r.pos += uint64(size)
			n++
			if !fn(record) {
				return n, false, nil
			}
			if n >= limit {
				return n, true, nil
			}
			if pending++; pending >= batchRecords || r.pos-r.stored >= batch {
				pending = 0
				r.store()
			}
		}
	}
}

func (r *ring) corrupt(kind uint32, size uint16) error {
	return &CorruptError{CPU: r.cpu, Position: r.pos, Type: kind, Size: size}
}

// body is the record at index at of the data, without its header.
func (r *ring) body(at uint64, size int) []byte {
	if int(at)+size <= len(r.data) {
		return r.data[at+headerSize : int(at)+size]
	}
	r.joined = append(r.joined[:0], r.data[at:]...)
	r.joined = append(r.joined, r.data[:size-len(r.joined)]...)
	return r.joined[headerSize:]
}

// decode reads a record's body: of a sample a length and so many bytes, of a lost record an id and a count.
func decode(kind uint32, body []byte) (Record, bool) {
	switch kind {
	case recordSample:
		if len(body) < 4 {
			return Record{}, false
		}
		size := binary.NativeEndian.Uint32(body)
		if uint64(size) > uint64(len(body)-4) {
			return Record{}, false
		}
		return Record{Data: body[4 : 4+size : 4+size]}, true
	case recordLost:
		if len(body) < 16 {
			return Record{}, false
		}
		return Record{Lost: binary.NativeEndian.Uint64(body[8:])}, true
	}
	return Record{}, false
}

// store tells the kernel how far the reader is.
func (r *ring) store() {
	if r.pos != r.stored {
		r.stored = r.pos
		atomic.StoreUint64(r.tail, r.pos)
	}
}
