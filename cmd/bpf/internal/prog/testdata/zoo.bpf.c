// SPDX-License-Identifier: BSD-2-Clause
// A program with maps, variables, metadata, functions and most kinds of instructions. clang -O2 -g -mcpu=v3 -target bpf -fdebug-compilation-dir=. -c zoo.bpf.c -o zoo.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} zoo_counts SEC(".maps");

const char bpf_metadata_author[] SEC(".rodata") = "an \"author\"";
const int bpf_metadata_version SEC(".rodata") = 7;
const volatile __u32 limit = 100;
__u64 total = 1;
__u64 seen[4];

static __attribute__((noinline)) __u64 square(__u64 n)
{
	__u64 sum = 0;

	for (int i = 0; i < 4; i++)
		sum += n ^ seen[i & 3];
	return sum;
}

SEC("xdp")
int zoo_program_of_a_long_name(struct xdp_md *ctx)
{
	__u32 key = ctx->ingress_ifindex & 0xff;
	__u64 *count = bpf_map_lookup_elem(&zoo_counts, &key), one = 1;

	if (count) {
		__sync_fetch_and_add(count, square(key));
		*(volatile __u32 *)count += __builtin_bswap32(key) >> 3;
	} else {
		bpf_map_update_elem(&zoo_counts, &key, &one, 0);
	}
	if (total > limit || (__s32)key > 7)
		bpf_printk("key %u", key);
	total += bpf_ktime_get_ns() % 10;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
