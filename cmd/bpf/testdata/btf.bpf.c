// SPDX-License-Identifier: BSD-2-Clause
// A program whose name the kernel cuts, and maps with and without types. bpf gen btf.bpf.c
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct place { __u32 dev; __u64 node; };
union counts { struct { __u64 reads, writes; }; __u64 all[2]; };
struct {
	__uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8);
	__type(key, struct place); __type(value, union counts);
} btf_test_typed SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 8);
	__uint(key_size, 4); __uint(value_size, 8);
} btf_test_plain SEC(".maps");
SEC("socket") int btf_test_program_of_a_long_name(void *ctx)
{
	struct place p = { 1, 2 };
	int zero = 0;
	bpf_map_lookup_elem(&btf_test_plain, &zero);
	return bpf_map_lookup_elem(&btf_test_typed, &p) != 0;
}
