//go:build ignore

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* A system call's arguments are in the kernel's struct pt_regs, in registers that it calls di and si.
 * __VMLINUX_H__ tells bpf_tracing.h to use those names, as it does with a whole vmlinux.h. */
#define __VMLINUX_H__
struct pt_regs {
	unsigned long si;
	unsigned long di;
} __attribute__((preserve_access_index));

#include <bpf/bpf_tracing.h>

struct signal {
	__u32 pid;
	int target;
	int number;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} signals SEC(".maps");

const struct signal *unused; /* tells the skeleton what the records are */

SEC("ksyscall/kill")
int BPF_KSYSCALL(kill_called, int target, int number)
{
	struct signal *s = bpf_ringbuf_reserve(&signals, sizeof(*s), 0);

	if (!s)
		return 0;
	s->pid = bpf_get_current_pid_tgid() >> 32;
	s->target = target;
	s->number = number;
	bpf_get_current_comm(s->comm, sizeof(s->comm));
	bpf_ringbuf_submit(s, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
