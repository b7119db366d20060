//go:build ignore

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_arena.h>

/* What the program reads of the kernel's types; their places are found at the load. */
struct task_struct {
	int pid;
	int tgid;
	struct task_struct *real_parent;
	char comm[16];
} __attribute__((preserve_access_index));

struct bpf_iter__task {
	void *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

/* Memory that the program and user space share, at addresses that both can follow. */
struct {
	__uint(type, 33); /* BPF_MAP_TYPE_ARENA, which older headers lack */
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024); /* pages */
} arena SEC(".maps");

struct process {
	struct process __arena *next;
	int pid;
	int parent;
	char comm[16];
};

struct process __arena *__arena_global first;
int __arena_global missing; /* processes for which there was no page */

/* The rest of the newest page. */
struct process __arena *__arena_global room;
int __arena_global places;

static struct process __arena *allocate(void)
{
	if (places == 0) {
		room = bpf_arena_alloc_pages(&arena, NULL, 1, NUMA_NO_NODE, 0);
		if (!room)
			return NULL;
		places = 4096 / sizeof(*room); /* no machine has smaller pages */
	}
	places--;
	return room++;
}

SEC("iter.s/task")
int collect(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct process __arena *p;

	if (!task || task->pid != task->tgid)
		return 0; /* the end, or a thread */
	p = allocate();
	if (!p) {
		missing++;
		return 0;
	}
	p->pid = task->tgid;
	p->parent = task->real_parent->tgid;
	for (int i = 0; i < sizeof(p->comm); i++)
		p->comm[i] = task->comm[i];
	p->next = first;
	first = p;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
