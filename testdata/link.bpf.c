// SPDX-License-Identifier: BSD-2-Clause
// A program for each kind of link; none of them has to run.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c link.bpf.c -o link.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

SEC("?raw_tp/sys_enter") int raw_tp(void *ctx) { return 0; }
SEC("?tp/syscalls/sys_enter_getpriority") int tp(void *ctx) { return 0; }
SEC("?perf_event") int event(void *ctx) { return 0; }
SEC("?kprobe") int probe(void *ctx) { return 0; }
SEC("?kprobe.multi") int probes(void *ctx) { return 0; }
SEC("?uprobe.multi") int uprobes(void *ctx) { return 0; }
SEC("?xdp") int xdp(void *ctx) { return 2; }
SEC("?tcx/ingress") int tcx(void *ctx) { return -1; }
SEC("?netfilter") int netfilter(void *ctx) { return 1; }
SEC("?flow_dissector") int dissector(void *ctx) { return 0; }
SEC("?cgroup_skb/ingress") int ingress(void *ctx) { return 1; }
SEC("?sk_skb/verdict") int verdict(void *ctx) { return 1; }

char _license[] SEC("license") = "GPL";
