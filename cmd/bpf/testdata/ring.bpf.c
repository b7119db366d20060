// SPDX-License-Identifier: BSD-2-Clause
// A record with a string, a number and an enum for each getppid(2).
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum mood { calm, busy };

struct event {
	__u32 answer;
	char name[12];
	enum mood mood;
};

// A type that only code uses is not in the object's BTF; a pointer to it is enough.
const struct event *unused __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("tp/syscalls/sys_enter_getppid")
int emit(void *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->answer = 42;
	__builtin_memcpy(e->name, "purebpf", 8);
	__builtin_memset(e->name + 8, 0, 4);
	e->mood = busy;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
