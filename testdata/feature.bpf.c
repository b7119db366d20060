// SPDX-License-Identifier: BSD-2-Clause
// A program for each feature that a kernel may lack; each returns 7 if it did what it should.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c feature.bpf.c -o feature.bpf.o
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct timed {
	struct bpf_timer timer;
	int fired;
};
struct locked {
	struct bpf_spin_lock lock;
	int n;
};
#define MAP(map_name, map_type, entries, k, v) \
	struct { __uint(type, map_type); __uint(max_entries, entries); __type(key, k); __type(value, v); } map_name SEC(".maps")
MAP(timers, BPF_MAP_TYPE_ARRAY, 1, __u32, struct timed);
MAP(locks, BPF_MAP_TYPE_ARRAY, 1, __u32, struct locked);
MAP(numbers, BPF_MAP_TYPE_ARRAY, 7, __u32, __u64);
struct { __uint(type, BPF_MAP_TYPE_BLOOM_FILTER); __uint(max_entries, 100); __type(value, __u32); } bloom SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_TASK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, int); } tasks SEC(".maps");
struct { __uint(type, 32 /* BPF_MAP_TYPE_CGRP_STORAGE, 6.2 */); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, int); } groups SEC(".maps");

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct cgroup {
	int level;
};
struct css_set {
	struct cgroup *dfl_cgrp;
};
struct task_struct {
	int pid;
	struct css_set *cgroups;
};
struct bpf_cpumask {
	int usage;
};
#pragma clang attribute pop

__u64 result;
int timer_fired;

static int on_timer(void *map, int *key, struct timed *t)
{
	timer_fired = 7;
	return 0;
}

SEC("?tc") int bpf_timer_(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct timed *t = bpf_map_lookup_elem(&timers, &zero);

	if (!t)
		return 1;
	bpf_timer_init(&t->timer, &timers, 7 /* CLOCK_BOOTTIME */);
	if (bpf_timer_set_callback(&t->timer, on_timer) || bpf_timer_start(&t->timer, 0, 0))
		return 2;
	return 7;
}

static int add_one(__u32 i, __u64 *sum)
{
	*sum += 1;
	return 0;
}

SEC("?tc") int bpf_loop_(struct __sk_buff *skb)
{
	__u64 sum = 0;

	bpf_loop(7, add_one, &sum, 0);
	return sum;
}

static int add_element(void *map, __u32 *key, __u64 *value, __u64 *sum)
{
	*sum += 1;
	return 0;
}

SEC("?tc") int for_each_map_elem(struct __sk_buff *skb)
{
	__u64 sum = 0;

	bpf_for_each_map_elem(&numbers, add_element, &sum, 0);
	return sum;
}

SEC("?tc") int spin_lock(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct locked *l = bpf_map_lookup_elem(&locks, &zero);
	int n;

	if (!l)
		return 1;
	bpf_spin_lock(&l->lock);
	l->n = 7;
	n = l->n;
	bpf_spin_unlock(&l->lock);
	return n;
}

SEC("?tc") int bloom_filter(struct __sk_buff *skb)
{
	__u32 there = 5, other = 6;

	if (bpf_map_push_elem(&bloom, &there, 0) || bpf_map_peek_elem(&bloom, &there))
		return 1;
	return bpf_map_peek_elem(&bloom, &other) ? 7 : 2;
}

SEC("?tc") int dynptr_ringbuf(struct __sk_buff *skb)
{
	struct bpf_dynptr p;
	__u64 word = 7, back = 0;

	if (bpf_ringbuf_reserve_dynptr(&ring, skb->len, 0, &p)) {
		bpf_ringbuf_discard_dynptr(&p, 0);
		return 1;
	}
	bpf_dynptr_write(&p, 8, &word, sizeof(word), 0);
	bpf_dynptr_read(&back, sizeof(back), &p, 8, 0);
	bpf_ringbuf_submit_dynptr(&p, 0);
	return back;
}

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *p) __ksym __weak;

SEC("?tc") int dynptr_from_skb_kfunc(struct __sk_buff *skb)
{
	struct bpf_dynptr p;
	__u8 byte = 0;

	if (bpf_dynptr_from_skb(skb, 0, &p) || bpf_dynptr_read(&byte, 1, &p, 20, 0))
		return 1;
	return byte; /* the test's packet has a 7 there */
}

struct bpf_iter_num;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym __weak;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym __weak;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym __weak;
struct bpf_iter_num {
	__u64 opaque[1];
} __attribute__((aligned(8)));

SEC("?tc") int open_coded_iterator(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	int *i, sum = 0;

	bpf_iter_num_new(&it, 0, 7);
	while ((i = bpf_iter_num_next(&it)))
		sum++;
	bpf_iter_num_destroy(&it);
	return sum;
}

SEC("?tp_btf/sys_enter") int BPF_PROG(task_storage)
{
	int *n = bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (n && ++*n)
		result = 7;
	return 0;
}

SEC("?tp_btf/sys_enter") int BPF_PROG(cgroup_storage)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	int *n = bpf_cgrp_storage_get(&groups, (void *)task->cgroups->dfl_cgrp, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (n && ++*n)
		result = 7;
	return 0;
}

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym __weak;
extern void bpf_task_release(struct task_struct *p) __ksym __weak;

SEC("?tp_btf/sys_enter") int BPF_PROG(task_acquire)
{
	struct task_struct *task = bpf_task_acquire((void *)bpf_get_current_task_btf());

	if (task) {
		result = 7;
		bpf_task_release(task);
	}
	return 0;
}

struct cpumask {};
extern struct bpf_cpumask *bpf_cpumask_create(void) __ksym __weak;
extern void bpf_cpumask_release(struct bpf_cpumask *m) __ksym __weak;
extern void bpf_cpumask_set_cpu(__u32 cpu, struct bpf_cpumask *m) __ksym __weak;

SEC("?tp_btf/sys_enter") int BPF_PROG(cpumask)
{
	struct bpf_cpumask *m = bpf_cpumask_create();

	if (m) {
		bpf_cpumask_set_cpu(0, m);
		result = 7;
		bpf_cpumask_release(m);
	}
	return 0;
}

extern void bpf_throw(__u64 cookie) __ksym __weak;

SEC("?tc") int throw_(struct __sk_buff *skb)
{
	bpf_throw(7);
	return 1;
}

extern int LINUX_KERNEL_VERSION __kconfig;
extern bool CONFIG_BPF_SYSCALL __kconfig __weak;

SEC("?tc") int kconfig(struct __sk_buff *skb)
{
	return LINUX_KERNEL_VERSION > 0x050000 && CONFIG_BPF_SYSCALL ? 7 : 1;
}

SEC("?syscall") int syscall_(void *ctx)
{
	return 7;
}

int tail_target(struct __sk_buff *skb);
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, int(struct __sk_buff *));
} tails SEC(".maps") = {.values = {(void *)&tail_target}};

SEC("?tc") int tail_target(struct __sk_buff *skb)
{
	return 7;
}

SEC("?tc") int tail_call(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &tails, 0);
	return 1;
}

__u32 number;

SEC("?tc") int printk(struct __sk_buff *skb)
{
	if (bpf_printk("purebpf prints %u", number) < 0)
		return 1;
	if (bpf_printk("purebpf prints more: %u %u %u %u", number, number + 1, number + 2, skb->len) < 0)
		return 2;
	return 7;
}

char _license[] SEC("license") = "GPL";
