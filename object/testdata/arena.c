/* An arena with global variables. */
#include "defs.h"

struct { __uint(type, 33 /* BPF_MAP_TYPE_ARENA */); __uint(map_flags, 1 << 10 /* BPF_F_MMAPABLE */); __uint(max_entries, 100);
	 __ulong(map_extra, 0x1ull << 44); } arena SEC(".maps");

struct node { int n; struct node __arena *next; };
int __arena counter SEC(".addr_space.1") = 7;
struct node __arena head SEC(".addr_space.1") = { 3 };

SEC("syscall") int use(void *ctx)
{
	counter++;
	return head.n + (bpf_map_lookup_elem((void *)&arena, &(int){0}) != 0);
}
