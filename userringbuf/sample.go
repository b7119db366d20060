package userringbuf

import "sync/atomic"

// Sample is room for one sample in a ring, reserved until it is submitted or discarded, which somebody must do: it holds up all that
// come after it. It may be filled and ended while others are, by any goroutine, but only by one.
type Sample struct {
	// Data is what the program will get, a view into the ring at an address that 8 divides. Other samples were there before: what
	// isn't written is what they left. It may not be touched once the sample is submitted or discarded.
	Data []byte

	writer *Writer
	header *uint32
	length uint32
}

// Submit hands the sample to the programs that drain the ring (libbpf user_ring_buffer__submit). Nothing happens if it was submitted or
// discarded before.
func (s *Sample) Submit() { s.end(0) }

// Discard makes programs skip the sample (libbpf user_ring_buffer__discard); its room is free when they have. Nothing happens if it was
// submitted or discarded before, so it can be deferred:
//
//	defer sample.Discard()
//	if err := fill(sample.Data); err != nil {
//		return err
//	}
//	sample.Submit()
func (s *Sample) Discard() { s.end(discardBit) }

func (s *Sample) end(flag uint32) {
	w := s.writer
	if w == nil {
		return
	}
	atomic.StoreUint32(s.header, s.length|flag)
	*s = Sample{}
	w.give()
}
