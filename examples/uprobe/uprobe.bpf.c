//go:build ignore

#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct variable {
	__u32 pid;
	char comm[16];
	char name[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} variables SEC(".maps");

const struct variable *unused; /* tells the skeleton what the records are */

SEC("uprobe/libc.so.6:getenv")
int BPF_UPROBE(getenv_called, const char *name)
{
	struct variable *v = bpf_ringbuf_reserve(&variables, sizeof(*v), 0);

	if (!v)
		return 0;
	v->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(v->comm, sizeof(v->comm));
	bpf_probe_read_user_str(v->name, sizeof(v->name), name);
	bpf_ringbuf_submit(v, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
