// Package perfbuf reads records from perf buffers (maps of type BPF_MAP_TYPE_PERF_EVENT_ARRAY that
// programs write to with bpf_perf_event_output, Linux 4.4), libbpf's perf_buffer. If the kernel has
// ring buffers (5.8, package ringbuf), prefer them: they have one buffer for all CPUs, records in
// order, and no copy.
//
//	r, err := perfbuf.NewReader(obj.Map("events"), nil)
//	defer r.Close()
//	for record := range r.Records(ctx) {
//		if record.Lost > 0 { ... }
//		handle(record.CPU, record.Data)
//	}
//	err = r.Err()
//
// If all records are of one type, a ReaderOf yields values.
//
// # The protocol
//
// Each CPU has its own perf event, with a ring of memory: a control page and data pages, whose
// number is a power of two. The kernel appends records and moves the head, the reader moves the
// tail; both only grow. A record is a header (type and size) and a body that depends on the type: a
// sample has the program's bytes, padded so that the whole is a multiple of 8; a lost record counts
// samples for which there was no room. Nothing is reserved in advance: everything below the head is
// complete. The data is mapped once, so a record that crosses the end of the ring is copied into
// one piece; all others are delivered as views.
//
// When a CPU goes offline, the kernel stops its event for good. When the CPU is online again, a new
// event writes to the same ring; a CPU that comes online for the first time gets an event and a
// ring. C libbpf's perf_buffer does neither.
package perfbuf
