//go:build ignore

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* What the program reads of the kernel's types; their places are found at the load. */
struct qstr {
	const unsigned char *name;
} __attribute__((preserve_access_index));

struct dentry {
	struct qstr d_name;
} __attribute__((preserve_access_index));

struct removal {
	__u32 pid;
	int result;
	char comm[16];
	char name[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} removals SEC(".maps");

const struct removal *unused; /* tells the skeleton what the records are */

__u64 attempts;

SEC("fentry/vfs_unlink")
int BPF_PROG(removing)
{
	__sync_fetch_and_add(&attempts, 1);
	return 0;
}

SEC("fexit/vfs_unlink")
int BPF_PROG(removed, void *idmap, void *dir, struct dentry *dentry, void *delegated, int result)
{
	struct removal *r = bpf_ringbuf_reserve(&removals, sizeof(*r), 0);

	if (!r)
		return 0;
	r->pid = bpf_get_current_pid_tgid() >> 32;
	r->result = result;
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	bpf_probe_read_kernel_str(r->name, sizeof(r->name), dentry->d_name.name);
	bpf_ringbuf_submit(r, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
