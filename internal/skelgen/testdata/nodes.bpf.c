#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define __arena __attribute__((address_space(1)))

struct {
	__uint(type, 33); /* BPF_MAP_TYPE_ARENA */
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16);
} arena SEC(".maps");

struct node { int value; struct node __arena *next; };

struct node __arena first = { 1 }, second = { 2 };
struct node __arena *__arena head;
int __arena total = 5;

SEC("syscall") int link(void *ctx)
{
	(void)&arena;
	first.next = &second;
	second.value += total;
	head = &first;
	return 0;
}

char _license[] SEC("license") = "GPL";
