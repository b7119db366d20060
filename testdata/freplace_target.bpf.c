// SPDX-License-Identifier: BSD-2-Clause
// A program whose functions others replace and trace.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c freplace_target.bpf.c -o freplace_target.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int __noinline part(struct __sk_buff *skb)
{
	return skb->len ? 1 : -1;
}

int __noinline other_part(struct __sk_buff *skb, int x)
{
	return skb->len ? x + 1 : -1;
}

SEC("tc")
int whole(struct __sk_buff *skb)
{
	return 100 + part(skb) + other_part(skb, 1);
}

char _license[] SEC("license") = "GPL";
