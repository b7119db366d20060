// SPDX-License-Identifier: BSD-2-Clause
// Programs for each way to attach; each counts its runs. clang -O2 -g -target bpf -fdebug-compilation-dir=. -c attach.bpf.c -o attach.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 traced, raw_traced, packets, cookie;
__u32 only_tid;

SEC("tp/syscalls/sys_enter_getpriority")
int on_getpriority(void *ctx)
{
	if ((__u32)bpf_get_current_pid_tgid() == only_tid) {
		__sync_fetch_and_add(&traced, 1);
		cookie = bpf_get_attach_cookie(ctx);
	}
	return 0;
}

SEC("raw_tp/sys_enter")
int on_sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
	if ((__u32)bpf_get_current_pid_tgid() == only_tid)
		__sync_fetch_and_add(&raw_traced, 1);
	return 0;
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	__sync_fetch_and_add(&packets, 1);
	return XDP_PASS;
}

SEC("xdp")
int pass_twice(struct xdp_md *ctx)
{
	__sync_fetch_and_add(&packets, 1000000);
	return XDP_PASS;
}

SEC("?tp")
int bare(void *ctx)
{
	return 0;
}

SEC("?tp/sched/no_such_tracepoint")
int no_target(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
