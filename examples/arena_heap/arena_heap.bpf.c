//go:build ignore

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_arena.h>

/* A heap for the programs alone: user space doesn't look into it. */
struct {
	__uint(type, 33); /* BPF_MAP_TYPE_ARENA, which older headers lack */
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 64); /* pages */
} arena SEC(".maps");

/* A thread that sleeps, in a table with SLOTS places. */
struct sleeper {
	unsigned long long tid; /* 0: the place is free */
	unsigned long long since;
};

#define SLOTS 4096 /* a power of two */
#define NEAR 16 /* places where a thread can be */

struct sleeper __arena *__arena_global table;

unsigned long long slept, nanoseconds, no_room;

/* Allocates the table, once. */
SEC("syscall")
int init(void *ctx)
{
	const int pages = (SLOTS * sizeof(struct sleeper) + 4095) / 4096;

	if (!table)
		table = bpf_arena_alloc_pages(&arena, NULL, pages, NUMA_NO_NODE, 0);
	return table ? 0 : 1;
}

static struct sleeper __arena *place(unsigned long long tid, unsigned int i)
{
	return table + (tid * 2654435761 + i) % SLOTS;
}

SEC("tracepoint/syscalls/sys_enter_clock_nanosleep")
int enter(void *ctx)
{
	unsigned long long tid = (unsigned int)bpf_get_current_pid_tgid();

	for (unsigned int i = 0; i < NEAR && can_loop; i++) {
		struct sleeper __arena *s = place(tid, i);

		if (s->tid == 0 && __sync_val_compare_and_swap(&s->tid, 0, tid) == 0) {
			s->since = bpf_ktime_get_ns();
			return 0;
		}
	}
	__sync_fetch_and_add(&no_room, 1);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_clock_nanosleep")
int leave(void *ctx)
{
	unsigned long long tid = (unsigned int)bpf_get_current_pid_tgid();

	for (unsigned int i = 0; i < NEAR && can_loop; i++) {
		struct sleeper __arena *s = place(tid, i);

		if (s->tid == tid) {
			__sync_fetch_and_add(&nanoseconds, bpf_ktime_get_ns() - s->since);
			__sync_fetch_and_add(&slept, 1);
			s->tid = 0;
			return 0;
		}
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
