/* struct_ops against the kernel's own types: other order of members, members that the kernel lacks, flavours, one program in two maps. */
#include "defs.h"

struct sock;
struct tcp_congestion_ops {
	char name[16];
	__u32 flags;
	int not_in_the_kernel;
	__u32 (*undo_cwnd)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	void (*no_such_callback)(struct sock *sk);
	__u32 (*ssthresh)(struct sock *sk);
	void *owner;
};
struct tcp_congestion_ops___small { __u32 (*ssthresh)(struct sock *sk); char name[16]; };

SEC("struct_ops/ssthresh") __u32 do_ssthresh(__u64 *ctx) { return 2; }
SEC("struct_ops/undo_cwnd") __u32 do_undo(__u64 *ctx) { return 3; }
SEC("?struct_ops") void do_off(__u64 *ctx) {}
SEC("struct_ops") __u32 do_optional(__u64 *ctx) { return 4; }

SEC(".struct_ops") struct tcp_congestion_ops first = {
	.ssthresh = (void *)do_ssthresh, .undo_cwnd = (void *)do_undo, .cong_avoid = (void *)do_off, .name = "first", .flags = 2 };
SEC(".struct_ops.link") struct tcp_congestion_ops second = {
	.ssthresh = (void *)do_ssthresh, .undo_cwnd = (void *)do_undo, .cong_avoid = (void *)do_off, .name = "second" };
SEC(".struct_ops.link") struct tcp_congestion_ops___small third = { .ssthresh = (void *)do_ssthresh, .name = "third" };
SEC("?.struct_ops.link") struct tcp_congestion_ops fourth = { .undo_cwnd = (void *)do_optional, .name = "fourth" };
