// SPDX-License-Identifier: BSD-2-Clause
// Programs for tracepoints by BTF, and a raw tracepoint whose argument may be written.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c trace.bpf.c -o trace.bpf.o
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

__u32 only_tid;
__u64 entered, switched, entered_cookie;

SEC("?tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long id)
{
	if ((__u32)bpf_get_current_pid_tgid() == only_tid)
		__sync_fetch_and_add(&entered, 1);
	return 0;
}

SEC("?tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	if (next->pid == only_tid)
		__sync_fetch_and_add(&switched, 1);
	return 0;
}

/* bpf_get_attach_cookie is there for tp_btf and raw_tp from 6.10 on. */
SEC("?tp_btf/sys_enter")
int BPF_PROG(with_cookie, struct pt_regs *regs, long id)
{
	if ((__u32)bpf_get_current_pid_tgid() == only_tid)
		entered_cookie = bpf_get_attach_cookie(ctx);
	return 0;
}

SEC("?raw_tp/sys_enter")
int raw_with_cookie(void *ctx)
{
	if ((__u32)bpf_get_current_pid_tgid() == only_tid)
		entered_cookie = bpf_get_attach_cookie(ctx);
	return 0;
}

__u64 executed;

SEC("?tp/sched/sched_process_exec")
int on_exec(void *ctx)
{
	__sync_fetch_and_add(&executed, 1);
	return 0;
}

int finished_with, finish_with;

/* Test runs end here; the argument is their errno. */
SEC("?raw_tp.w/bpf_test_finish")
int on_finish(struct bpf_raw_tracepoint_args *ctx)
{
	int *err = (int *)ctx->args[0];

	if ((__u32)bpf_get_current_pid_tgid() != only_tid)
		return 0;
	finished_with = *err;
	*err = finish_with;
	return 0;
}

SEC("?raw_tp/no_such_tracepoint_at_all")
int missing(void *ctx)
{
	return 0;
}

SEC("?tp_btf/no_such_tracepoint_at_all")
int BPF_PROG(missing_btf)
{
	return 0;
}

SEC("?tc")
int packet(struct __sk_buff *skb)
{
	return 7;
}

char _license[] SEC("license") = "GPL";
