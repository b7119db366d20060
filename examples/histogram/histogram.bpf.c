//go:build ignore

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define SLOTS 32

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* thread */
	__type(value, __u64);
} entered SEC(".maps");

const volatile int process;
__u64 slots[SLOTS]; /* calls that took 1 µs, 2 to 3, 4 to 7, ... */

SEC("raw_tp/sys_enter")
int enter(void *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	__u32 thread = id;

	if (!process || id >> 32 == process)
		bpf_map_update_elem(&entered, &thread, &now, BPF_ANY);
	return 0;
}

SEC("raw_tp/sys_exit")
int leave(void *ctx)
{
	__u32 thread = bpf_get_current_pid_tgid(), slot = 0;
	__u64 *start = bpf_map_lookup_elem(&entered, &thread), took;

	if (!start)
		return 0;
	took = (bpf_ktime_get_ns() - *start) / 1000;
	bpf_map_delete_elem(&entered, &thread);
	for (; took > 1 && slot < SLOTS - 1; slot++)
		took >>= 1;
	__sync_fetch_and_add(&slots[slot & (SLOTS - 1)], 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
