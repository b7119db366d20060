// SPDX-License-Identifier: BSD-2-Clause
// A program for each of some hooks, to be attached by hand.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int tc_pass(struct __sk_buff *skb)
{
	return TC_ACT_OK;
}

SEC("cgroup_skb/egress")
int cgroup_pass(struct __sk_buff *skb)
{
	return 1;
}

SEC("uprobe")
int uprobe_count(void *ctx)
{
	return 0;
}

SEC("perf_event")
int sample(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
