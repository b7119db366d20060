// SPDX-License-Identifier: BSD-2-Clause
// Programs for USDT probes; each writes down its last run, and all runs by probe. Twice compiled, against libbpf's header of 1.1 and of 1.7,
// which lay out the map's value differently:
// clang -O2 -g -target bpf -D__TARGET_ARCH_x86 -fdebug-compilation-dir=. -c usdt.bpf.c -o usdt16.bpf.o
// the same with -I and -fdebug-prefix-map for the headers of 1.7 makes usdt24.bpf.o
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <linux/errno.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#define BPF_USDT_MAX_SPEC_CNT 8
#include <bpf/usdt.bpf.h>

struct seen {
	__u64 count, cookie;
	__s64 num;
	__s64 value[12];
	__s64 error[12];
	__u64 sum; // of the first arguments of all runs
};

// 0: every process.
__u32 only_pid;

static __always_inline int record(struct pt_regs *ctx, struct seen *s)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	long value = 0;

	if (only_pid && pid != only_pid)
		return 0;
	__sync_fetch_and_add(&s->count, 1);
	s->cookie = bpf_usdt_cookie(ctx);
	s->num = bpf_usdt_arg_cnt(ctx);
#pragma unroll
	for (int i = 0; i < 12; i++) {
		s->error[i] = bpf_usdt_arg(ctx, i, &value);
		s->value[i] = value;
		if (i == 0)
			__sync_fetch_and_add(&s->sum, value);
	}
	return 0;
}

#define PROBE(sec, name)                           \
	struct seen name##_seen;                   \
	SEC(sec) int name(struct pt_regs *ctx)     \
	{                                          \
		return record(ctx, &name##_seen);  \
	}

PROBE("usdt", any)
PROBE("usdt", another)
PROBE("usdt.s", sleepy)
PROBE("uprobe", single)
PROBE("usdt//proc/self/exe:nobody:nothing", automatic)
PROBE("usdt/libc.so.6:libc", incomplete)

char LICENSE[] SEC("license") = "GPL";
