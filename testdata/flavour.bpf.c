// SPDX-License-Identifier: BSD-2-Clause
// A congestion control of a flavoured type, made only if asked for. clang -O2 -g -target bpf -fdebug-compilation-dir=. -c flavour.bpf.c -o flavour.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct sock;
struct tcp_congestion_ops___mine {
	char name[16];
	__u32 (*undo_cwnd)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	void *not_in_any_kernel;
	__u32 (*ssthresh)(struct sock *sk);
};

SEC("struct_ops/ssthresh")
__u32 ssthresh(__u64 *ctx)
{
	return 2;
}

SEC("struct_ops")
__u32 undo_cwnd(__u64 *ctx)
{
	return 2;
}

SEC("struct_ops/cong_avoid")
void cong_avoid(__u64 *ctx)
{
}

SEC("?.struct_ops.link")
struct tcp_congestion_ops___mine optional = {
	.name = "purebpf_mine",
	.ssthresh = (void *)ssthresh,
	.undo_cwnd = (void *)undo_cwnd,
	.cong_avoid = (void *)cong_avoid,
};

SEC(".struct_ops.link")
struct tcp_congestion_ops___mine second = {
	.name = "purebpf_too",
	.ssthresh = (void *)ssthresh,
	.undo_cwnd = (void *)undo_cwnd,
	.cong_avoid = (void *)cong_avoid,
};

char LICENSE[] SEC("license") = "GPL";
