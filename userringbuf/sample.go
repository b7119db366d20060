package userringbuf

import (
	"errors"
	"sync/atomic"
)

// Sample is a reserved sample in a ring. It must be submitted or discarded, because it holds up all
// samples after it. Any goroutine may fill and end it, while others do the same with other samples.
// All copies of a Sample refer to the same room: the first one that is submitted or discarded ends
// it.
type Sample struct {
	// Data is the content that the program will receive, a view into the ring at an address that is
	// a multiple of 8. It still contains bytes of earlier samples where nothing is written. It must
	// not be used through any copy once the sample is submitted or discarded.
	Data []byte

	room *room
	turn uint64 // turn of the room while it belongs to the sample
}

// ErrEnded is the error of Submit and Discard for a sample that was submitted or discarded before,
// through this or another copy, or was never reserved. The ring is not changed.
var ErrEnded = errors.New("userringbuf: the sample was ended before, or never reserved")

// Submit passes the sample to the programs that drain the ring (libbpf user_ring_buffer__submit).
// The error is ErrEnded if it was submitted or discarded before.
func (s *Sample) Submit() error { return s.end(0) }

// Discard makes programs skip the sample (libbpf user_ring_buffer__discard); its room is free once
// they have. If it was submitted or discarded before, Discard returns ErrEnded and does nothing, so
// it can be deferred:
//
//	defer sample.Discard()
//	if err := fill(sample.Data); err != nil {
//		return err
//	}
//	return sample.Submit()
func (s *Sample) Discard() error { return s.end(discardBit) }

func (s *Sample) end(flag uint32) error {
	if s == nil || s.room == nil || !s.room.turn.CompareAndSwap(s.turn, s.turn+1) {
		return ErrEnded
	}
	r := s.room
	atomic.StoreUint32(r.header, r.length|flag)
	s.Data = nil
	w := r.writer
	w.rooms.put(r)
	w.give()
	return nil
}

// room is shared by the copies of a sample. When the sample ends, the room goes to another sample,
// at another turn.
type room struct {
	turn   atomic.Uint64
	writer *Writer
	header *uint32
	length uint32
	next   *room
}

// rooms is the list of free rooms, so that reserving allocates only if more samples are reserved at
// a time than ever before. Any goroutine may put; only one at a time may take, so two never take
// the same room.
type rooms struct{ first atomic.Pointer[room] }

func (l *rooms) put(r *room) {
	for {
		first := l.first.Load()
		r.next = first
		if l.first.CompareAndSwap(first, r) {
			return
		}
	}
}

// take returns a free room, nil if there is none.
func (l *rooms) take() *room {
	for {
		first := l.first.Load()
		if first == nil || l.first.CompareAndSwap(first, first.next) {
			return first
		}
	}
}
