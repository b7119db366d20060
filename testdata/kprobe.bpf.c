// SPDX-License-Identifier: BSD-2-Clause
// Programs for kernel functions and perf events; each writes down its runs on the thread of the test. No architecture's registers are used.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c kprobe.bpf.c -o kprobe.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct hit {
	__u64 count, cookie, ip;
};

__u32 only_tid;

static __always_inline int record(void *ctx, struct hit *h)
{
	if ((__u32)bpf_get_current_pid_tgid() != only_tid)
		return 0;
	__sync_fetch_and_add(&h->count, 1);
	h->cookie = bpf_get_attach_cookie(ctx);
	h->ip = bpf_get_func_ip(ctx);
	return 0;
}

#define PROBE(sec, name)                           \
	struct hit name##_hit;                     \
	SEC(sec) int name(void *ctx)               \
	{                                          \
		return record(ctx, &name##_hit);   \
	}

PROBE("kprobe", by_hand)
PROBE("kprobe/find_task_by_vpid", entered)
PROBE("kretprobe/find_task_by_vpid", returned)
PROBE("ksyscall/getpgid", called)
PROBE("kretsyscall/getpgid", call_returned)
PROBE("?kprobe/no_such_function_at_all", missing)
PROBE("?kretprobe/find_task_by_vpid+4", return_offset)

int override_with;

/* Fails the system call before it is made, where CONFIG_BPF_KPROBE_OVERRIDE lets it. */
SEC("?ksyscall/getpgid") int override(void *ctx)
{
	if ((__u32)bpf_get_current_pid_tgid() == only_tid)
		bpf_override_return(ctx, override_with);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 64);
	__uint(key_size, 4);
	__uint(value_size, 127 * 8);
} stacks SEC(".maps");

__s64 stack_id;

SEC("kprobe") int stack(void *ctx)
{
	if ((__u32)bpf_get_current_pid_tgid() == only_tid)
		stack_id = bpf_get_stackid(ctx, &stacks, 0);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct hit);
} hits SEC(".maps");

static __always_inline int tally(void *ctx)
{
	struct hit new = {.count = 1}, *h;
	__u64 ip = bpf_get_func_ip(ctx);

	if ((__u32)bpf_get_current_pid_tgid() != only_tid)
		return 0;
	new.cookie = bpf_get_attach_cookie(ctx);
	h = bpf_map_lookup_elem(&hits, &ip);
	if (h)
		__sync_fetch_and_add(&h->count, 1);
	else
		bpf_map_update_elem(&hits, &ip, &new, BPF_ANY);
	return 0;
}

SEC("?kprobe.multi") int multi(void *ctx) { return tally(ctx); }
SEC("?kprobe.multi/*_sys_getpgi?") int multi_auto(void *ctx) { return tally(ctx); }
SEC("?kretprobe.multi/*_sys_getpgi*") int multi_return(void *ctx) { return tally(ctx); }

/* Runs of the perf_event program on each CPU: no thread of the test is needed. */
__u64 samples[64];

SEC("?perf_event") int sample(void *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();

	if (cpu < 64)
		__sync_fetch_and_add(&samples[cpu], 1);
	return 0;
}

__u64 sample_cookie;

SEC("?perf_event") int sample_with_cookie(void *ctx)
{
	sample_cookie = bpf_get_attach_cookie(ctx);
	return 0;
}

struct hit tracepoint_hit;

SEC("?tp") int tracepoint(void *ctx)
{
	if ((__u32)bpf_get_current_pid_tgid() == only_tid)
		__sync_fetch_and_add(&tracepoint_hit.count, 1);
	return 0;
}

char _license[] SEC("license") = "GPL";
