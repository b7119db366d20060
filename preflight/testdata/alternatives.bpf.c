// SPDX-License-Identifier: BSD-2-Clause
// Programs and maps that are alternatives of each other, by their names.
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, 1000); // no kernel has it
	__uint(max_entries, 4096);
} events___future SEC(".maps");

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

static int send(void *ctx)
{
	__u64 now = bpf_ktime_get_ns();

	if (events___ring_chosen)
		return bpf_ringbuf_output(&events___ring, &now, sizeof(now), 0);
	if (events___perf_chosen)
		return bpf_perf_event_output(ctx, &events___perf, BPF_F_CURRENT_CPU, &now, sizeof(now));
	return 0;
}

SEC("?tp_btf/no_such_tracepoint_anywhere")
int watch___best(void *ctx)
{
	return send(ctx);
}

SEC("?raw_tp/sys_enter")
int watch___good(void *ctx)
{
	return send(ctx);
}

SEC("?tp/raw_syscalls/sys_enter")
int watch___plain(void *ctx)
{
	return send(ctx);
}

char LICENSE[] SEC("license") = "GPL";
