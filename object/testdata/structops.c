/* struct_ops variables: with and without link, optional, of flavoured types, several of one type. */
#include "defs.h"

struct sock;
struct tcp_congestion_ops {
	void (*init)(struct sock *sk);
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	char name[16];
	void *owner;
};
struct tcp_congestion_ops___small {
	__u32 (*ssthresh)(struct sock *sk);
	__u32 (*undo_cwnd)(struct sock *sk);
	char name[16];
	int not_in_the_kernel;
};

SEC("struct_ops/ssthresh") __u32 ssthresh(__u64 *ctx) { return 2; }
SEC("struct_ops.s/undo_cwnd") __u32 undo_cwnd(__u64 *ctx) { return 3; }
SEC("?struct_ops") void cong_avoid(__u64 *ctx) {}

SEC(".struct_ops") struct tcp_congestion_ops plain = {
	.ssthresh = (void *)ssthresh, .undo_cwnd = (void *)undo_cwnd, .cong_avoid = (void *)cong_avoid, .name = "plain" };
SEC(".struct_ops.link") struct tcp_congestion_ops linked = {
	.ssthresh = (void *)ssthresh, .undo_cwnd = (void *)undo_cwnd, .name = "linked" };
SEC(".struct_ops.link") struct tcp_congestion_ops___small small = {
	.undo_cwnd = (void *)undo_cwnd, .ssthresh = (void *)ssthresh, .name = "small" };
SEC("?.struct_ops.link") struct tcp_congestion_ops optional = { .undo_cwnd = (void *)undo_cwnd, .name = "optional" };
SEC("?.struct_ops.link") struct tcp_congestion_ops optional_too = { .name = "optional2" };
SEC("?.struct_ops") struct tcp_congestion_ops optional_plain = { .ssthresh = (void *)ssthresh, .name = "optional3" };
