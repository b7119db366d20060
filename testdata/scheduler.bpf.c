// SPDX-License-Identifier: BSD-2-Clause
// A scheduler that leaves all to the kernel and counts. clang -O2 -g -target bpf -fdebug-compilation-dir=. -c scheduler.bpf.c -o scheduler.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

struct sched_ext_ops___few {
	void (*running)(struct task_struct *p);
	__u64 flags;
	char name[128];
};

__u32 only_tid;
__u64 ran;

SEC("struct_ops/running")
void BPF_PROG(running, struct task_struct *p)
{
	if (p->pid == only_tid)
		__sync_fetch_and_add(&ran, 1);
}

SEC(".struct_ops.link")
struct sched_ext_ops___few scheduler = {
	.running = (void *)running,
	.flags = 1 << 3, /* SCX_OPS_SWITCH_PARTIAL: only for tasks of SCHED_EXT */
	.name = "purebpf",
};

char _license[] SEC("license") = "GPL";
