//go:build ignore

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* What the program reads of the kernel's types; their places are found at the load. */
struct task_struct {
	struct task_struct *real_parent;
	int tgid;
	int exit_code;
} __attribute__((preserve_access_index));

struct trace_event_raw_sched_process_exec {
	unsigned int __data_loc_filename;
} __attribute__((preserve_access_index));

enum event_kind { EVENT_EXEC, EVENT_EXIT };

struct event {
	enum event_kind kind;
	int pid;
	int ppid;
	int status;
	__u64 duration_ns;
	char comm[16];
	char filename[128];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, int);
	__type(value, __u64);
} exec_start SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

const struct event *unused; /* tells the skeleton what the records are */

const volatile __u64 min_duration_ns = 0;

static void fill(struct event *e, enum event_kind kind, int pid)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	e->kind = kind;
	e->pid = pid;
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->status = BPF_CORE_READ(task, exit_code);
	bpf_get_current_comm(e->comm, sizeof(e->comm));
}

SEC("tp/sched/sched_process_exec")
int handle_exec(struct trace_event_raw_sched_process_exec *ctx)
{
	int pid = bpf_get_current_pid_tgid() >> 32;
	__u64 now = bpf_ktime_get_ns();
	struct event *e;

	bpf_map_update_elem(&exec_start, &pid, &now, BPF_ANY);
	if (min_duration_ns)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 0;
	fill(e, EVENT_EXEC, pid);
	e->duration_ns = 0;
	bpf_probe_read_str(e->filename, sizeof(e->filename),
			   (void *)ctx + (ctx->__data_loc_filename & 0xffff));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp/sched/sched_process_exit")
int handle_exit(void *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), *start, duration = 0;
	int pid = id >> 32;
	struct event *e;

	if (pid != (int)id)
		return 0; /* a thread, not the process */
	start = bpf_map_lookup_elem(&exec_start, &pid);
	if (start)
		duration = bpf_ktime_get_ns() - *start;
	bpf_map_delete_elem(&exec_start, &pid);
	if (min_duration_ns && duration < min_duration_ns)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 0;
	fill(e, EVENT_EXIT, pid);
	e->duration_ns = duration;
	e->filename[0] = 0;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
