/* Calls of every shape that kernels take: diamonds, callbacks that call, one function called from many places. */
#include "defs.h"

static __noinline int leaf(int n) { return n * 7 + bpf_get_smp_processor_id(); }
static __noinline int left(int n) { return leaf(n) + 1; }
static __noinline int right(int n) { return leaf(n) + 2; }
static int inner(__u32 i, void *p) { *(int *)p += left(i); return 0; }
static int outer(__u32 i, void *p) { bpf_loop(2, inner, p, 0); return 0; }
__noinline __weak int weak(int n) { return right(n) + left(n); }

struct elem { struct bpf_timer t; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, struct elem); } timers SEC(".maps");
static int on_timer(void *map, int *key, struct elem *e) { leaf(*key); return 0; }

int total;

SEC("socket") int do_one(void *ctx) { int n = 0; bpf_loop(3, outer, &n, 0); return n + left(1) + right(2); }
SEC("socket") int do_two(void *ctx) { total += weak(1); return weak(2) + leaf(total); }
SEC("tc") int do_three(void *ctx)
{
	int key = 0;
	struct elem *e = bpf_map_lookup_elem(&timers, &key);

	if (e) {
		bpf_timer_init(&e->t, &timers, 1);
		bpf_timer_set_callback(&e->t, on_timer);
	}
	return right(1);
}
