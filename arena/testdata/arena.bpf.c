// SPDX-License-Identifier: BSD-2-Clause
// Builds lists and trees in an arena, and walks those of user space. In this folder:
// clang-19 -O2 -g -mcpu=v3 -target bpf -nostdlibinc -I../../include -I../../include/uapi -fdebug-compilation-dir=. -c arena.bpf.c -o arena.bpf.o
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_arena.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4096); /* pages */
} arena SEC(".maps");

struct node {
	struct node __arena *next;
	__u64 value;
};

struct leaf {
	struct leaf __arena *left, *right;
	__u64 key;
};

struct request {
	__u64 count;
	__u64 sum;
};

struct node __arena *__arena_global first;
struct leaf __arena *__arena_global root;
__u64 __arena_global sequence;

/* The rest of the newest page. */
char __arena *__arena_global room;
__u64 __arena_global left_over;

static void __arena *take(__u64 size)
{
	char __arena *p;

	if (left_over < size) {
		room = bpf_arena_alloc_pages(&arena, NULL, 1, NUMA_NO_NODE, 0);
		left_over = room ? 4096 : 0;
		if (!room)
			return NULL;
	}
	p = room;
	room += size;
	left_over -= size;
	return p;
}

/* Puts nodes with rising values before the list. */
SEC("syscall")
int push(struct request *r)
{
	for (__u64 i = 0; i < r->count && can_loop; i++) {
		struct node __arena *n = take(sizeof(*n));

		if (!n)
			return 1;
		n->value = ++sequence;
		n->next = first;
		first = n;
	}
	return 0;
}

/* Returns where the list starts. */
SEC("syscall")
int head(struct request *r)
{
	r->sum = (__u64)first;
	return 0;
}

/* Adds up the list. */
SEC("syscall")
int sum(struct request *r)
{
	struct node __arena *n = first;

	r->count = 0;
	r->sum = 0;
	while (n && can_loop) {
		r->count++;
		r->sum += n->value;
		n = n->next;
	}
	return 0;
}

/* Puts count keys into the tree, in an order that is not theirs. */
SEC("syscall")
int plant(struct request *r)
{
	for (__u64 i = 0; i < r->count && can_loop; i++) {
		struct leaf __arena *__arena *at = &root;
		struct leaf __arena *l = take(sizeof(*l));

		if (!l)
			return 1;
		l->key = i * 7919 % r->count; /* its pointers are 0 as its page was */
		while (*at && can_loop)
			at = l->key < (*at)->key ? &(*at)->left : &(*at)->right;
		*at = l;
	}
	return 0;
}

/* Adds up the keys on the left edge of the tree. */
SEC("syscall")
int edge(struct request *r)
{
	struct leaf __arena *l = root;

	r->count = 0;
	r->sum = 0;
	while (l && can_loop) {
		r->count++;
		r->sum += l->key;
		l = l->left;
	}
	return 0;
}

/* Takes all pages that it gets, and returns how many. */
SEC("syscall")
int fill(struct request *r)
{
	r->count = 0;
	while (can_loop && bpf_arena_alloc_pages(&arena, NULL, 1, NUMA_NO_NODE, 0))
		r->count++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
