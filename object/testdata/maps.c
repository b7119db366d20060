/* Every field of a map definition, and the kinds of maps that need special care. */
#include "defs.h"

struct key { __u32 a, b; };
struct value { __u64 n; char text[24]; };

struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 100); __type(key, struct key); __type(value, struct value);
	 __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE); __uint(numa_node, 1); } hash SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __uint(key_size, 4); __uint(value_size, 16); } sized SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __uint(key_size, 4); __type(key, int); __type(value, struct value);
	 __uint(value_size, sizeof(struct value)); __uint(pinning, LIBBPF_PIN_BY_NAME); } pinned SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, int);
	 __uint(pinning, LIBBPF_PIN_NONE); } not_pinned SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_BLOOM_FILTER); __uint(max_entries, 100); __uint(value_size, 8); __uint(map_extra, 3); } bloom SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_BLOOM_FILTER); __uint(max_entries, 100); __uint(value_size, 8); __ulong(map_extra, 5); } bloom_long SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring_4096 SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 5000); } ring_5000 SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1); } ring_1 SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); } ring_0 SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_USER_RINGBUF); __uint(max_entries, 12288); } ring_user SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 7); __type(key, int); __type(value, int); } weak_map __weak SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_SK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, int); } storage SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1); __type(key, int); __type(value, int); } a_name_longer_than_fifteen_characters SEC(".maps");

struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 2); __type(key, int); __type(value, struct value); __uint(map_flags, BPF_F_INNER_MAP); };
struct inner first SEC(".maps"), second SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 5); __uint(key_size, 4);
	 __array(values, struct inner); } outer SEC(".maps") = { .values = { [3] = &second, [1] = &first } };
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 5); __type(key, int); __type(value, int);
	 __array(values, struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 100); }); } outer_rings SEC(".maps") = { .values = { (void *)&ring_4096 } };

SEC("socket") int main_prog(void *ctx);
SEC("xdp") int other_prog(void *ctx);
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 10); __uint(key_size, 4); __uint(value_size, 4);
	 __array(values, int(void *)); } progs SEC(".maps") = { .values = { [9] = (void *)&main_prog, [2] = (void *)&other_prog } };

SEC("socket") int main_prog(void *ctx)
{
	int zero = 0;
	struct value *v = bpf_map_lookup_elem(&pinned, &zero);
	bpf_tail_call(ctx, &progs, 2);
	bpf_map_lookup_elem(&outer, &zero);
	bpf_map_lookup_elem(&outer_rings, &zero);
	bpf_map_lookup_elem(&weak_map, &zero);
	return v ? v->n : 0;
}
SEC("xdp") int other_prog(void *ctx) { return XDP_PASS; }
