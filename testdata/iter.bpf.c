// SPDX-License-Identifier: BSD-2-Clause
// An iterator of each kind; each prints a line for what it meets.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c iter.bpf.c -o iter.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct seq_file {};
struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id, seq_num;
};
struct task_struct {
	int pid, tgid;
};
struct file {};
struct vm_area_struct {
	unsigned long vm_start, vm_end;
};
struct bpf_map {
	__u32 id;
};
struct bpf_prog_aux {
	__u32 id;
};
struct bpf_prog {
	struct bpf_prog_aux *aux;
};
struct bpf_link {
	__u32 id;
};
struct sock_common {
	unsigned short skc_num;
	volatile unsigned char skc_state;
};
struct sock {
	struct sock_common __sk_common;
	unsigned short sk_type;
};
struct inet_sock {
	struct sock sk;
};
struct udp_sock {
	struct inet_sock inet;
};
struct unix_sock {
	struct sock sk;
};
struct netlink_sock {
	struct sock sk;
	__u32 portid;
};
struct kallsym_iter {
	unsigned long value;
	char type;
	char name[8];
};
struct kernfs_node {
	__u64 id;
};
struct cgroup {
	struct kernfs_node *kn;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};
struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
};
struct bpf_iter__bpf_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
};
struct bpf_iter__bpf_prog {
	struct bpf_iter_meta *meta;
	struct bpf_prog *prog;
};
struct bpf_iter__bpf_link {
	struct bpf_iter_meta *meta;
	struct bpf_link *link;
};
struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key, *value;
};
struct bpf_iter__sockmap {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	struct sock *sk;
};
struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
};
struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};
struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
};
struct bpf_iter__unix {
	struct bpf_iter_meta *meta;
	struct unix_sock *unix_sk;
};
struct bpf_iter__netlink {
	struct bpf_iter_meta *meta;
	struct netlink_sock *sk;
};
struct bpf_iter__ksym {
	struct bpf_iter_meta *meta;
	struct kallsym_iter *ksym;
};
struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup;
};
#pragma clang attribute pop

SEC("?iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d %d\n", task->tgid, task->pid);
	return 0;
}

const void *user_address;
__u64 user_word;

SEC("?iter.s/task")
int task_sleepable(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	if (bpf_copy_from_user(&user_word, sizeof(user_word), user_address))
		return 0;
	BPF_SEQ_PRINTF(ctx->meta->seq, "%d %d\n", task->tgid, task->pid);
	return 0;
}

SEC("?iter/task_file")
int task_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;

	if (task && file)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d %d %d\n", task->tgid, task->pid, ctx->fd);
	return 0;
}

SEC("?iter/task_vma")
int task_vma(struct bpf_iter__task_vma *ctx)
{
	struct task_struct *task = ctx->task;
	struct vm_area_struct *vma = ctx->vma;

	if (task && vma)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d %d %lx-%lx\n", task->tgid, task->pid, vma->vm_start, vma->vm_end);
	return 0;
}

SEC("?iter/bpf_map")
int bpf_map(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;

	if (map)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d\n", map->id);
	return 0;
}

SEC("?iter/bpf_prog")
int bpf_prog(struct bpf_iter__bpf_prog *ctx)
{
	struct bpf_prog *prog = ctx->prog;

	if (prog)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d\n", prog->aux->id);
	return 0;
}

SEC("?iter/bpf_link")
int bpf_link(struct bpf_iter__bpf_link *ctx)
{
	struct bpf_link *link = ctx->link;

	if (link)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d\n", link->id);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 100);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps"), others SEC(".maps");

SEC("?iter/bpf_map_elem")
int bpf_map_elem(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 *key = ctx->key;
	__u64 *value = ctx->value;

	if (key && value)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d %d\n", *key, *value);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps"), no_sockets SEC(".maps");

SEC("?iter/sockmap")
int sockmap(struct bpf_iter__sockmap *ctx)
{
	__u32 *key = ctx->key;
	struct sock *sk = ctx->sk;

	if (key && sk)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d %d\n", *key, sk->__sk_common.skc_num);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} storage SEC(".maps"), no_storage SEC(".maps");

SEC("?iter/bpf_sk_storage_map")
int sk_storage(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	__u64 *value = ctx->value;

	if (sk && value)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d %llu\n", sk->__sk_common.skc_num, *value);
	return 0;
}

SEC("?iter/tcp")
int tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk_common = ctx->sk_common;

	if (sk_common)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d %d\n", sk_common->skc_num, sk_common->skc_state);
	return 0;
}

SEC("?iter/udp")
int udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *udp_sk = ctx->udp_sk;

	if (udp_sk)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d\n", udp_sk->inet.sk.__sk_common.skc_num);
	return 0;
}

SEC("?iter/unix")
int unix_(struct bpf_iter__unix *ctx)
{
	struct unix_sock *unix_sk = ctx->unix_sk;

	if (unix_sk)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d\n", unix_sk->sk.sk_type);
	return 0;
}

SEC("?iter/netlink")
int netlink(struct bpf_iter__netlink *ctx)
{
	struct netlink_sock *sk = ctx->sk;

	if (sk)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d\n", sk->portid);
	return 0;
}

SEC("?iter/ksym")
int ksym(struct bpf_iter__ksym *ctx)
{
	struct kallsym_iter *ksym = ctx->ksym;

	if (ksym)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%lx %c %s\n", ksym->value, ksym->type, ksym->name);
	return 0;
}

SEC("?iter/cgroup")
int cgroup(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cgroup = ctx->cgroup;

	if (cgroup)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%llu\n", cgroup->kn->id);
	return 0;
}

SEC("?iter/no_such_thing")
int missing(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
