// SPDX-License-Identifier: BSD-2-Clause
// A program that gives frames to the AF_XDP socket of their queue. clang -O2 -g -target bpf -fdebug-compilation-dir=. -c xskmap.bpf.c -o xskmap.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

SEC("xdp")
int to_socket(struct xdp_md *ctx)
{
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
