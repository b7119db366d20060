// SPDX-License-Identifier: BSD-2-Clause
// Alternatives for one purpose: a record for each getpriority(2) of one thread, that says which program made it. The tests compile it.
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events___ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events___perf SEC(".maps");

const volatile bool events___ring_chosen;
const volatile bool events___perf_chosen;
__u32 only_tid;

static __always_inline int tell(void *ctx, __u32 who)
{
	if ((__u32)bpf_get_current_pid_tgid() != only_tid)
		return 0;
	if (events___ring_chosen)
		bpf_ringbuf_output(&events___ring, &who, sizeof(who), 0);
	else if (events___perf_chosen)
		bpf_perf_event_output(ctx, &events___perf, BPF_F_CURRENT_CPU, &who, sizeof(who));
	return 0;
}

SEC("?fentry/find_task_by_vpid") int watch___fentry(void *ctx) { return tell(ctx, 1); }
SEC("?kprobe/find_task_by_vpid") int watch___kprobe(void *ctx) { return tell(ctx, 2); }
SEC("?tp/syscalls/sys_enter_getpriority") int watch___tp(void *ctx) { return tell(ctx, 3); }

char LICENSE[] SEC("license") = "GPL";
