/* Linked with strong.c, whose definitions override these. */
#include "defs.h"

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, int); } only_weak SEC(".maps");
__weak int shared = 1;
static volatile int mine = 5;

__noinline __weak int sub(int a)
{
	int zero = 0;
	int *v = bpf_map_lookup_elem(&only_weak, &zero);
	return a + (v ? *v : 0);
}
SEC("socket") int user(void *ctx) { return sub(1) + shared + mine; }
