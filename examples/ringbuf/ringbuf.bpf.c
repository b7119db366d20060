//go:build ignore

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* The tracepoints of a system call: its arguments, and its result. */
struct sys_enter {
	__u64 common;
	int number;
	unsigned long args[6];
};

struct sys_exit {
	__u64 common;
	int number;
	long result;
};

struct opening {
	__u32 pid;
	int result; /* file descriptor, or a negative errno */
	char comm[16];
	char path[256];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* thread */
	__type(value, const char *);
} paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} openings SEC(".maps");

const struct opening *unused; /* tells the skeleton what the records are */

/* The filter. The verifier takes constants as known and removes what they make unreachable. */
const volatile __u32 process;
const volatile char prefix[64];

__u64 filtered, lost;

SEC("tp/syscalls/sys_enter_openat")
int enter(struct sys_enter *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	const char *path = (const char *)ctx->args[1];
	__u32 thread = id;

	if (process && id >> 32 != process)
		return 0;
	bpf_map_update_elem(&paths, &thread, &path, BPF_ANY);
	return 0;
}

static int matches(const char *path)
{
	for (int i = 0; i < sizeof(prefix) && prefix[i]; i++)
		if (path[i] != prefix[i])
			return 0;
	return 1;
}

/* The path is read here: the kernel has just read it, so it is in memory. */
SEC("tp/syscalls/sys_exit_openat")
int leave(struct sys_exit *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	const char **path;
	__u32 thread = id;
	struct opening *o;

	path = bpf_map_lookup_elem(&paths, &thread);
	if (!path)
		return 0;
	o = bpf_ringbuf_reserve(&openings, sizeof(*o), 0);
	if (!o) {
		__sync_fetch_and_add(&lost, 1);
	} else if (bpf_probe_read_user_str(o->path, sizeof(o->path), *path) < 0 ||
		   !matches(o->path)) {
		__sync_fetch_and_add(&filtered, 1);
		bpf_ringbuf_discard(o, 0);
	} else {
		o->pid = id >> 32;
		o->result = ctx->result;
		bpf_get_current_comm(o->comm, sizeof(o->comm));
		bpf_ringbuf_submit(o, 0);
	}
	bpf_map_delete_elem(&paths, &thread);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
