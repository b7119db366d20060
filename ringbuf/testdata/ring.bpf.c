// SPDX-License-Identifier: BSD-2-Clause
// Fills ring buffers on request. clang -O2 -g -target bpf -fdebug-compilation-dir=. -c ring.bpf.c -o ring.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} small SEC(".maps");

struct request {
	__u32 count; // records to write
	__u32 length; // bytes of each, at most 256; 0: 64
	__u64 flags; // of the wake-up
	__u64 first; // number of the first record
	__u32 discard; // discard every record whose number is a multiple, 0: none
	__u32 failed; // out: records for which there was no room
};

struct record {
	__u64 number;
	__u8 rest[56];
};

const struct record *unused; // so that BTF has it

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
/* Kernels without a JIT compiler, such as Debian's for s390x, allow no callbacks. */
#define bpf_loop(count, function, context, flags)                  \
	for (__u32 i = 0; i < (count) && i < 4096; i++)            \
		function(i, context)
#endif

static long emit(__u32 i, void *context)
{
	struct request *q = *(struct request **)context;
	struct record *r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);

	if (!r) {
		q->failed++;
		return 0;
	}
	r->number = q->first + i;
	__builtin_memset(r->rest, (__u8)r->number, sizeof(r->rest));
	if (q->discard && r->number % q->discard == 0)
		bpf_ringbuf_discard(r, q->flags);
	else
		bpf_ringbuf_submit(r, q->flags);
	return 0;
}

SEC("syscall")
int fill(struct request *q)
{
	bpf_loop(q->count, emit, &q, 0);
	return 0;
}

static char buffer[256];

static long emit_small(__u32 i, void *context)
{
	struct request *q = *(struct request **)context;
	__u32 length = q->length & 255;
	__u64 number = q->first + i;

	__builtin_memcpy(buffer, &number, sizeof(number));
	if (bpf_ringbuf_output(&small, buffer, length, q->flags))
		q->failed++;
	return 0;
}

SEC("syscall")
int fill_small(struct request *q)
{
	bpf_loop(q->count, emit_small, &q, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
