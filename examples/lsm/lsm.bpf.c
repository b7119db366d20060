//go:build ignore

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define EPERM 1

/* What the program reads of the kernel's types; their places are found at the load. */
struct linux_binprm {
	const char *filename;
} __attribute__((preserve_access_index));

struct start {
	__u32 pid;
	int verdict; /* 0, or an errno below it */
	char path[128];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} starts SEC(".maps");

const struct start *unused; /* tells the skeleton what the records are */

const volatile char denied[128];

SEC("lsm/bprm_check_security")
int BPF_PROG(check_start, struct linux_binprm *bprm)
{
	struct start *s = bpf_ringbuf_reserve(&starts, sizeof(*s), 0);
	int verdict = 0;

	if (!s)
		return 0;
	s->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_probe_read_kernel_str(s->path, sizeof(s->path), bprm->filename);
	if (!bpf_strncmp(s->path, sizeof(s->path), (const char *)denied))
		verdict = -EPERM;
	s->verdict = verdict;
	bpf_ringbuf_submit(s, 0);
	return verdict;
}

char LICENSE[] SEC("license") = "GPL";
