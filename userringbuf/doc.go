// Package userringbuf writes samples into BPF user ring buffers (maps of type
// BPF_MAP_TYPE_USER_RINGBUF, Linux 6.1), libbpf's user_ring_buffer. They carry samples from a
// process to BPF programs, which receive them with bpf_user_ringbuf_drain when they run; writing
// wakes no program.
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
// for us; we write the producer's, on a page before the data. To reserve a sample the producer
// writes its header with the busy bit set and moves its position past it. Submitting clears the
// bit; discarding clears it and sets another. So between the two positions there are whole samples,
// some of them perhaps busy, and a busy one holds up all samples after it. The data pages are
// mapped twice in a row: a sample that crosses the end of the ring is still contiguous.
//
// A sample is a header of 8 bytes (the length with the two bits on top, and 4 bytes that are zero)
// and the data, padded to 8. The kernel frees memory by moving its position, and wakes goroutines
// that wait for room when a program has drained samples, unless the program used BPF_RB_NO_WAKEUP.
// Header and positions are read and written atomically.
//
// # Several at a time
//
// As with libbpf, a reserved sample belongs to the goroutine that reserved it: any number may be
// filled, submitted and discarded at the same time, by different goroutines and in any order,
// without a lock. Programs receive them in the order in which they were reserved. Unlike libbpf's,
// Reserve and ReserveContext may also be called by several goroutines.
package userringbuf
