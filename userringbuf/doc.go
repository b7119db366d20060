// Package userringbuf writes samples into BPF user ring buffers (maps of type
// BPF_MAP_TYPE_USER_RINGBUF, Linux 6.1), libbpf's user_ring_buffer. These maps carry samples from a
// process to BPF programs. A running program receives them with bpf_user_ringbuf_drain; writing a
// sample runs no program.
//
//	w, err := userringbuf.NewWriter(obj.Map("commands"), nil)
//	defer w.Close()
//	sample, err := w.ReserveContext(ctx, 16)
//	copy(sample.Data, command)
//	sample.Submit()
//
// # The protocol
//
// A ring consists of two positions that only grow, and memory that they index modulo its size,
// which is a power of two. The kernel writes the consumer's position, on a page that is read-only
// for this package, which writes the producer's position, on a page before the data. To reserve a
// sample, the producer writes the sample's header with the busy bit set and moves the producer's
// position past the sample. Submitting clears the bit; discarding clears it and sets another. So
// there are only whole samples between the two positions; some may be busy, and a busy sample holds
// up all samples after it. The data pages are mapped twice in a row: a sample that crosses the end
// of the ring is still contiguous.
//
// A sample is a header of 8 bytes (the length with the two bits on top, and 4 bytes that are zero)
// and the data, padded to a multiple of 8. The kernel frees memory by moving its position, and
// wakes goroutines that wait for room when a program has drained samples, unless the program used
// BPF_RB_NO_WAKEUP. Header and positions are read and written atomically.
//
// # Several at a time
//
// As in libbpf, a reserved sample belongs to the goroutine that reserved it. Different goroutines
// may fill, submit and discard samples at the same time, in any order, without a lock. Programs
// receive samples in the order in which they were reserved. Unlike in libbpf, several goroutines
// may also call Reserve and ReserveContext at the same time.
package userringbuf
