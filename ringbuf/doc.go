// Package ringbuf reads records from BPF ring buffers (maps of type BPF_MAP_TYPE_RINGBUF, Linux
// 5.8), libbpf's ring_buffer.
//
//	r, err := ringbuf.NewReader(obj.Map("events"), nil)
//	defer r.Close()
//	for record := range r.Records(ctx) {
//		handle(record.Data)
//	}
//	err = r.Err()
//
// If all records are of one type, a ReaderOf yields values.
//
// # The protocol
//
// A ring consists of two positions that only grow, and memory that they index modulo its size,
// which is a power of two. The kernel writes the producer's position and this package the
// consumer's; each position is on its own page. A program reserves a record: the kernel writes its
// header with the busy bit set and moves the producer's position past it. Submitting clears the
// bit; discarding sets another. So there are only whole records between the two positions; some may
// be busy, and a busy record holds up all records after it. The data pages are mapped twice in a
// row: a record that crosses the end of the ring is still contiguous.
//
// A record is a header of 8 bytes (the length with the two bits on top, and an offset that only the
// kernel needs) and the data, padded to a multiple of 8. The consumer frees memory by storing its
// position. Submitting a record wakes the consumer only if the consumer's position shows that it
// has read everything before that record. The consumer therefore stores its position first and then
// looks for more records, so that no wake-up is lost. Header and positions are read and written
// atomically.
//
// # What a reader does
//
// Records are delivered as views into the ring, without a copy or an allocation. A view is valid
// until the function or loop body that received it returns. The consumer's position is stored once
// for many records (at most 64, or an eighth of the ring), because the store takes the cache line
// away from the producer. An idle reader waits in the Go runtime's poller and uses no thread.
package ringbuf
