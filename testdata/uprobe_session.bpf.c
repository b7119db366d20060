// SPDX-License-Identifier: BSD-2-Clause
// A program that runs at entry and, if it said so, at return. It is on its own because its kfunc needs a kernel with BTF.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c uprobe_session.bpf.c -o uprobe_session.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u32 only_pid;
__u64 entries, returns;
int skip_return;

extern _Bool bpf_session_is_return(void) __ksym __weak;

SEC("uprobe.session") int session(void *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 != only_pid)
		return 0;
	if (bpf_session_is_return()) {
		__sync_fetch_and_add(&returns, 1);
		return 0;
	}
	__sync_fetch_and_add(&entries, 1);
	return skip_return & 1;
}

char _license[] SEC("license") = "GPL";
