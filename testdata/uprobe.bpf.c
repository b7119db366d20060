// SPDX-License-Identifier: BSD-2-Clause
// Programs for functions in user space; each writes down its runs in one process. No architecture's registers are used.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c uprobe.bpf.c -o uprobe.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct hit {
	__u64 count, cookie, ip, cookies;
};

// 0: every process.
__u32 only_pid;

static __always_inline int record(void *ctx, struct hit *h)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;

	if (only_pid && pid != only_pid)
		return 0;
	__sync_fetch_and_add(&h->count, 1);
	h->cookie = bpf_get_attach_cookie(ctx);
	__sync_fetch_and_add(&h->cookies, h->cookie);
	h->ip = bpf_get_func_ip(ctx);
	return 0;
}

#define PROBE(sec, name)                           \
	struct hit name##_hit;                     \
	SEC(sec) int name(void *ctx)               \
	{                                          \
		return record(ctx, &name##_hit);   \
	}

PROBE("uprobe", entry)
PROBE("uretprobe", leave)
PROBE("uprobe.s", sleepy)
PROBE("uprobe.multi", many)
PROBE("uretprobe.multi", many_leave)
PROBE("uprobe.multi.s", many_sleepy)
PROBE("uprobe.session", session)
PROBE("kprobe", kernel_only)
PROBE("uprobe/libc.so.6:getpgid", auto_entry)
PROBE("uretprobe/libc.so.6:getpgid", auto_leave)
PROBE("uprobe/libc.so.6:getpgid+0", auto_offset)
PROBE("uprobe.multi/libc.so.6:getpgi?", auto_many)
PROBE("uretprobe.multi/libc.so.6:getpgi?", auto_many_leave)
PROBE("uprobe.session/libc.so.6:getpgi?", auto_session)
PROBE("uprobe/libc.so.6", no_function)
PROBE("uretprobe/libc.so.6:getpgid+4", leave_offset)
PROBE("uprobe.multi/libc.so.6", no_pattern)

SEC("xdp")
int other(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
