//go:build ignore

#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* What the program reads of the kernel's types; their places are found at the load. */
struct task_struct {
	int pid;
	int tgid;
} __attribute__((preserve_access_index));

struct creation {
	int parent;
	int child;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} creations SEC(".maps");

const struct creation *unused; /* tells the skeleton what the records are */

static __always_inline int tell(struct task_struct *child)
{
	int pid = BPF_CORE_READ(child, tgid);
	struct creation *c;

	if (pid != BPF_CORE_READ(child, pid))
		return 0; /* a thread, not a process */
	c = bpf_ringbuf_reserve(&creations, sizeof(*c), 0);
	if (!c)
		return 0;
	c->parent = bpf_get_current_pid_tgid() >> 32;
	c->child = pid;
	bpf_get_current_comm(c->comm, sizeof(c->comm));
	bpf_ringbuf_submit(c, 0);
	return 0;
}

/*
 * Three programs for one purpose, the preferred one first: their names are the same up to the ___.
 * The ? keeps a program from being loaded; preflight.Choose takes it away from one of them.
 */

SEC("?fentry/wake_up_new_task")
int BPF_PROG(created___fentry, struct task_struct *child)
{
	return tell(child);
}

SEC("?kprobe/wake_up_new_task")
int BPF_KPROBE(created___kprobe, struct task_struct *child)
{
	return tell(child);
}

SEC("?raw_tp/sched_wakeup_new")
int created___raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return tell((struct task_struct *)ctx->args[0]);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
