// SPDX-License-Identifier: BSD-2-Clause
// Programs of kinds that came after Linux 6.18; each counts its runs on the thread of the test.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c tracing_multi.bpf.c -o tracing_multi.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u32 only_tid;
__u64 ran, cookie;

static __always_inline int count(void *ctx)
{
	if ((__u32)bpf_get_current_pid_tgid() == only_tid) {
		__sync_fetch_and_add(&ran, 1);
		cookie = bpf_get_attach_cookie(ctx);
	}
	return 0;
}

SEC("?fentry.multi/find_task_by_vpi?") int entries(void *ctx) { return count(ctx); }
SEC("?fexit.multi/find_task_by_vpi?") int exits(void *ctx) { return count(ctx); }
SEC("?fsession.multi/find_task_by_vpi?") int sessions(void *ctx) { return count(ctx); }
SEC("?fsession/find_task_by_vpid") int session(void *ctx) { return count(ctx); }

char LICENSE[] SEC("license") = "GPL";
