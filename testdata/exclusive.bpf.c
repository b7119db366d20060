// SPDX-License-Identifier: BSD-2-Clause
// A map that one program alone may use. clang -O2 -g -target bpf -fdebug-compilation-dir=. -c exclusive.bpf.c -o exclusive.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} secret SEC(".maps");

__u64 bias = 2;

static __noinline int add(__u64 *value)
{
	return __sync_fetch_and_add(value, 1);
}

SEC("socket")
int owner(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&secret, &key);

	return value ? add(value) + bias : 0;
}

SEC("socket")
int intruder(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&secret, &key);

	return value ? *value + bias : 0;
}

char LICENSE[] SEC("license") = "GPL";
