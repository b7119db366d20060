// SPDX-License-Identifier: BSD-2-Clause
// A program that runs at entry and, if it said so, at return. It is on its own because its kfunc needs a kernel with BTF.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c kprobe_session.bpf.c -o kprobe_session.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u32 only_tid;
__u64 session_entries, session_returns;
int session_skip_return;

extern _Bool bpf_session_is_return(void) __ksym __weak;

SEC("kprobe.session/find_task_by_vpid") int session(void *ctx)
{
	if ((__u32)bpf_get_current_pid_tgid() != only_tid)
		return 0;
	if (bpf_session_is_return()) {
		__sync_fetch_and_add(&session_returns, 1);
		return 0;
	}
	__sync_fetch_and_add(&session_entries, 1);
	return session_skip_return & 1;
}

char _license[] SEC("license") = "GPL";
