// SPDX-License-Identifier: BSD-2-Clause
// The other side of maps of each kind. clang -O2 -g -target bpf -fdebug-compilation-dir=. -c kinds.bpf.c -o kinds.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct prefix4 {
	__u32 bits;
	__u8 addr[4];
};

struct prefix6 {
	__u32 bits;
	__u32 addr[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16);
	__type(key, struct prefix4);
	__type(value, __u64);
} routes4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16);
	__type(key, struct prefix6);
	__type(value, __u64);
} routes6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16);
	__uint(key_size, 12);
	__uint(value_size, 8);
} macs SEC(".maps");

struct item {
	__u64 number;
	__u8 kind;
};

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 3);
	__type(value, struct item);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 3);
	__type(value, struct item);
} stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 1000);
	__type(value, struct item);
} bloom SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct item);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} socks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 4);
	__type(key, __u64);
	__type(value, __u64);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 64);
	__uint(key_size, 4);
	__uint(value_size, 127 * 8);
} stacks SEC(".maps");

// What a program is asked, and its answer.
struct request {
	struct item item;
	struct prefix4 four;
	struct prefix6 six;
	__s64 result;
} q;

SEC("socket")
int find4(struct __sk_buff *skb)
{
	struct prefix4 key = q.four;
	__u64 *value = bpf_map_lookup_elem(&routes4, &key);

	q.result = value ? *value : -1;
	return 0;
}

SEC("socket")
int find6(struct __sk_buff *skb)
{
	struct prefix6 key = q.six;
	__u64 *value = bpf_map_lookup_elem(&routes6, &key);

	q.result = value ? *value : -1;
	return 0;
}

SEC("socket")
int pop_and_push(struct __sk_buff *skb)
{
	struct item item;

	__builtin_memset(&item, 0, sizeof(item));
	q.result = bpf_map_pop_elem(&queue, &item);
	q.item = item;
	item.number += 1000;
	bpf_map_push_elem(&stack, &item, 0);
	return 0;
}

SEC("socket")
int has(struct __sk_buff *skb)
{
	struct item item = q.item;

	q.result = bpf_map_peek_elem(&bloom, &item) == 0;
	return 0;
}

SEC("socket")
int count_in(struct __sk_buff *skb)
{
	__u32 key = q.item.number, zero = 0;
	void *map = bpf_map_lookup_elem(&outer, &key);
	__u64 *value;

	q.result = -1;
	if (!map)
		return 0;
	value = bpf_map_lookup_elem(map, &zero);
	if (value)
		q.result = ++*value;
	return 0;
}

SEC("raw_tp/sys_enter")
int trace(void *ctx)
{
	return bpf_get_stackid(ctx, &stacks, 0);
}

char _license[] SEC("license") = "GPL";
