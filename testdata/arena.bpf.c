// SPDX-License-Identifier: BSD-2-Clause
// An arena with global variables. clang -O2 -g -target bpf -mcpu=v4 -fdebug-compilation-dir=. -c arena.bpf.c -o arena.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define __arena __attribute__((address_space(1)))
#define BPF_MAP_TYPE_ARENA 33 // newer than some headers

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16); // pages
} arena SEC(".maps");

__u64 __arena counter = 41;
__u32 __arena numbers[4] = { 1, 2, 3, 4 };

SEC("syscall")
int add(void *ctx)
{
	__u32 sum = 0;

	(void)&arena;
	__sync_fetch_and_add(&counter, 1);
	for (int i = 0; i < 4; i++)
		sum += numbers[i];
	return sum;
}

char _license[] SEC("license") = "GPL";
