//go:build ignore

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define EEXIST 17
#define FRAMES 127 /* what kernel.perf_event_max_stack allows */

struct sample {
	int process;
	int kernel_stack; /* keys of stacks; negative if there is none */
	int user_stack;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64[FRAMES]);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct sample);
	__type(value, __u64);
} counts SEC(".maps");

const volatile int process;
__u64 lost; /* samples for which a map had no room */

SEC("perf_event")
int take(void *ctx)
{
	struct sample s = { .process = bpf_get_current_pid_tgid() >> 32 };
	__u64 zero = 0, *count;

	if (!s.process || (process && s.process != process))
		return 0; /* process 0 is an idle CPU */
	s.kernel_stack = bpf_get_stackid(ctx, &stacks, 0);
	s.user_stack = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	bpf_get_current_comm(s.comm, sizeof(s.comm));
	bpf_map_update_elem(&counts, &s, &zero, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&counts, &s);
	if (count && s.kernel_stack != -EEXIST && s.user_stack != -EEXIST)
		__sync_fetch_and_add(count, 1);
	else
		__sync_fetch_and_add(&lost, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
