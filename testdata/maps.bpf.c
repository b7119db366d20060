// SPDX-License-Identifier: BSD-2-Clause
// Maps of many kinds, variables, and programs that use them. clang -O2 -g -target bpf -fdebug-compilation-dir=. -c maps.bpf.c -o maps.bpf.o
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

struct key {
	__u32 id;
	__u8 kind;
	__u8 pad[3]; // left to itself the compiler leaves garbage here
};

struct value {
	__u64 count;
	__u32 last;
	__u8 name[12];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10000);
	__type(key, struct key);
	__type(value, struct value);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 100);
	__uint(key_size, 4);
	__uint(value_size, 12);
} percpu_odd SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__uint(value_size, 8);
} queue SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
};

struct inner inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { [0] = &inner_b, [3] = &inner_a },
};

int callee(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 3);
	__uint(key_size, 4);
	__array(values, int(void *));
} jumps SEC(".maps") = {
	.values = { [1] = (void *)&callee },
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} pinned SEC(".maps");

// Variables.
const volatile __u32 limit = 5;
const volatile char greeting[8] = "hello";
__u64 calls;
__s32 threshold = -3;
bool flag;
struct value last_value = { .count = 7, .name = "seven" };
__u16 pair[2] = { 1, 2 };

SEC("socket")
int count(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&array, &zero);
	__u64 *c = bpf_map_lookup_elem(&percpu, &zero);
	struct key k = { .id = skb->len, .kind = 1 };
	struct value v = { .count = calls };

	if (n)
		__sync_fetch_and_add(n, 1);
	if (c)
		*c += 1;
	__sync_fetch_and_add(&calls, 1);
	v.last = threshold;
	last_value.count++;
	bpf_map_update_elem(&hash, &k, &v, BPF_ANY);
	return flag ? 1000 : limit;
}

SEC("socket")
int callee(struct __sk_buff *skb)
{
	return 4711;
}

SEC("socket")
int caller(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &jumps, 1);
	return 1;
}

SEC("socket")
int through_inner(struct __sk_buff *skb)
{
	__u32 zero = 0, *v;
	void *inner = bpf_map_lookup_elem(&outer, &zero);

	if (!inner)
		return -1;
	v = bpf_map_lookup_elem(inner, &zero);
	return v ? *v : -2;
}

struct inner inner_last SEC(".maps");

SEC("?socket")
int keeps_last(struct __sk_buff *skb)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&inner_last, &zero) != NULL;
}

SEC("?socket")
int keeps_pinned(struct __sk_buff *skb)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&pinned, &zero) != NULL;
}

char _license[] SEC("license") = "GPL";
