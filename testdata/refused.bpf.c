// SPDX-License-Identifier: BSD-2-Clause
// Programs that the verifier refuses, each for another reason. clang -O2 -g -target bpf -fdebug-compilation-dir=. -c refused.bpf.c -o refused.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct task_struct___none {
	int no_such_field;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} optional SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} array SEC(".maps");

extern void bpf_no_such_kfunc(void) __ksym __weak;

SEC("?socket")
int null_pointer(struct __sk_buff *skb)
{
	__u32 index = skb->len;
	__u64 *v = bpf_map_lookup_elem(&array, &index);

	return *v; // not checked
}

static __attribute__((noinline)) int reads_beyond(struct __sk_buff *skb, int at)
{
	char buffer[8] = {};
	volatile char *p = buffer;

	return p[at & 15];
}

SEC("?socket")
int in_subprogram(struct __sk_buff *skb)
{
	return reads_beyond(skb, skb->len);
}

SEC("?tp/syscalls/sys_enter_getpriority")
int missing_field(void *ctx)
{
	struct task_struct___none *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, no_such_field);
}

SEC("?socket")
int missing_map(struct __sk_buff *skb)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&optional, &zero) != NULL;
}

SEC("?tp/syscalls/sys_enter_getpriority")
int missing_kfunc(void *ctx)
{
	bpf_no_such_kfunc();
	return 0;
}

SEC("?socket")
int endless(struct __sk_buff *skb)
{
	volatile int i = 0;

	for (;;)
		i++;
}

static __attribute__((noinline)) int deeper(struct __sk_buff *skb)
{
	volatile char buffer[300];

	buffer[0] = skb->len;
	buffer[299] = 1;
	return buffer[skb->len & 255];
}

SEC("?socket")
int large_stack(struct __sk_buff *skb)
{
	volatile char buffer[300];

	buffer[0] = skb->len;
	buffer[299] = 1;
	return buffer[skb->len & 255] + deeper(skb);
}

char _license[] SEC("license") = "GPL";
