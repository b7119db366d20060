// SPDX-License-Identifier: BSD-2-Clause
// Writes numbered records to a perf buffer on request. clang -O2 -g -target bpf -fdebug-compilation-dir=. -c perf.bpf.c -o perf.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

struct record {
	__u64 number;
	__u8 rest[104];
};

// What records of 16 bytes begin with.
struct head {
	__u64 number;
	__u8 rest[8];
};

const struct head *unused; // so that BTF has it

__u64 failed;

struct request {
	struct bpf_raw_tracepoint_args *ctx;
	__u64 first;
	__u64 length;
};

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
/* Kernels without a JIT compiler, such as Debian's for s390x, allow no callbacks. */
#define bpf_loop(count, function, context, flags)                  \
	for (__u32 i = 0; i < (count) && i < 2048; i++)            \
		function(i, context)
#endif

static long write_one(__u32 i, void *context)
{
	struct request *q = context;
	struct record r = { .number = q->first + i };

	__builtin_memset(r.rest, (__u8)r.number, sizeof(r.rest));
	if (bpf_perf_event_output(q->ctx, &events, BPF_F_CURRENT_CPU, &r, 8 + (q->length & 63)))
		__sync_fetch_and_add(&failed, 1);
	return 0;
}

// args: number of the first record, how many, bytes beyond the first eight of each
SEC("raw_tp/sys_enter")
int fill(struct bpf_raw_tracepoint_args *ctx)
{
	struct request q = { .ctx = ctx, .first = ctx->args[0], .length = ctx->args[2] };

	bpf_loop(ctx->args[1], write_one, &q, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
