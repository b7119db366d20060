package userringbuf

import (
	"errors"
	"sync/atomic"
)

// Sample is room for one sample in a ring, reserved until it is submitted or discarded, which
// somebody must do: it holds up all that come after it. It may be filled and ended while others
// are, by any goroutine. All copies of a Sample mean the same room: the first that is submitted or
// discarded ends it.
type Sample struct {
	// Data is what the program will get, a view into the ring at an address that 8 divides. Other
	// samples were there before: what isn't written is what they left. It may not be touched once
	// the sample is submitted or discarded, through no copy.
	Data []byte

	room *room
	turn uint64 // of the room, while it is the sample's
}

// ErrEnded is what Submit and Discard return for a sample that was submitted or discarded before,
// through this or another copy, or was never reserved. The ring is left alone.
var ErrEnded = errors.New("userringbuf: the sample was ended before, or never reserved")

// Submit hands the sample to the programs that drain the ring (libbpf user_ring_buffer__submit).
// ErrEnded if it was submitted or discarded before.
func (s *Sample) Submit() error { return s.end(0) }

// Discard makes programs skip the sample (libbpf user_ring_buffer__discard); its room is free
// when they have. ErrEnded, and nothing happens, if it was submitted or discarded before, so it
// can be deferred:
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

// room is what the copies of a sample share. When it is ended the room is another sample's, at
// another turn.
type room struct {
	turn   atomic.Uint64
	writer *Writer
	header *uint32
	length uint32
	next   *room
}

// rooms are those of no sample, so that reserving allocates only while more are reserved at a
// time than ever before. Any goroutine may put; only one at a time may take, so nobody takes what
// another is about to.
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

// take returns nil if there is none.
func (l *rooms) take() *room {
	for {
		first := l.first.Load()
		if first == nil || l.first.CompareAndSwap(first, first.next) {
			return first
		}
	}
}
