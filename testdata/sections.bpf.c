// SPDX-License-Identifier: BSD-2-Clause
// Programs of section kinds that only the application knows, and programs to make copies of.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c sections.bpf.c -o sections.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 runs;
const volatile __u32 seed = 40;

SEC("mine/sys_enter")
int entered(void *ctx)
{
	__sync_fetch_and_add(&runs, 1);
	return 0;
}

// The application replaces the instruction that makes 1000.
SEC("reply")
int answer(struct __sk_buff *skb)
{
	__u32 patched;

	asm volatile("%0 = 1000" : "=r"(patched));
	return patched + seed;
}

SEC("nobody/knows")
int unknown(struct __sk_buff *skb)
{
	return 3;
}

SEC("socket")
int count(struct __sk_buff *skb)
{
	return __sync_fetch_and_add(&runs, 1) + seed;
}

SEC("tp_btf/sched_switch")
int switched(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
