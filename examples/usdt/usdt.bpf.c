//go:build ignore

#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

struct import {
	__u32 pid;
	char comm[16];
	char module[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} imports SEC(".maps");

const struct import *unused; /* tells the skeleton what the records are */

SEC("usdt")
int BPF_USDT(import_started, const char *module)
{
	struct import *i = bpf_ringbuf_reserve(&imports, sizeof(*i), 0);

	if (!i)
		return 0;
	i->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(i->comm, sizeof(i->comm));
	bpf_probe_read_user_str(i->module, sizeof(i->module), module);
	bpf_ringbuf_submit(i, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
