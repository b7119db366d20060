// SPDX-License-Identifier: BSD-2-Clause
// One program per cgroup hook; each counts what it sees, and some change it. deny makes those that may refuse do so.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c cgroup.bpf.c -o cgroup.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

__u64 runs[32];
__u32 deny;

enum { INGRESS, EGRESS, SOCK_CREATE, SOCK_RELEASE, CONNECT4, BIND4, SENDMSG4, CONNECT_UNIX, GETSOCKOPT, SETSOCKOPT, SYSCTL, DEVICE,
       SOCKOPS, SKB, POST_BIND4, CONNECT6, RECVMSG4, GETPEERNAME4, GETSOCKNAME4, BIND6, POST_BIND6, SENDMSG6,
       RECVMSG6, GETPEERNAME6, GETSOCKNAME6, SENDMSG_UNIX, RECVMSG_UNIX, GETPEERNAME_UNIX, GETSOCKNAME_UNIX };

static __always_inline int allowed(int i)
{
	__sync_fetch_and_add(&runs[i & 31], 1);
	return !deny;
}

#define COUNT(section, ctx_type, name, index)                                                                                          \
	SEC(section) int name(ctx_type *ctx) { return allowed(index); }

COUNT("?cgroup_skb/ingress", struct __sk_buff, ingress, INGRESS)
COUNT("?cgroup_skb/egress", struct __sk_buff, egress, EGRESS)
COUNT("?cgroup/skb", struct __sk_buff, either, SKB)
COUNT("?cgroup/sock_create", struct bpf_sock, sock_create, SOCK_CREATE)
COUNT("?cgroup/sock_release", struct bpf_sock, sock_release, SOCK_RELEASE)
COUNT("?cgroup/post_bind4", struct bpf_sock, post_bind4, POST_BIND4)
COUNT("?cgroup/post_bind6", struct bpf_sock, post_bind6, POST_BIND6)
COUNT("?cgroup/connect6", struct bpf_sock_addr, connect6, CONNECT6)
COUNT("?cgroup/bind4", struct bpf_sock_addr, bind4, BIND4)
COUNT("?cgroup/bind6", struct bpf_sock_addr, bind6, BIND6)
COUNT("?cgroup/sendmsg4", struct bpf_sock_addr, sendmsg4, SENDMSG4)
COUNT("?cgroup/sendmsg6", struct bpf_sock_addr, sendmsg6, SENDMSG6)
COUNT("?cgroup/sendmsg_unix", struct bpf_sock_addr, sendmsg_unix, SENDMSG_UNIX)
COUNT("?cgroup/connect_unix", struct bpf_sock_addr, connect_unix, CONNECT_UNIX)
COUNT("?cgroup/sysctl", struct bpf_sysctl, sysctl, SYSCTL)
COUNT("?cgroup/dev", struct bpf_cgroup_dev_ctx, device, DEVICE)

/* The order in which sock_create programs run, as decimal digits. */
__u64 order;
SEC("?cgroup/sock_create") int first(struct bpf_sock *ctx) { order = order * 10 + 1; return 1; }
SEC("?cgroup/sock_create") int second(struct bpf_sock *ctx) { order = order * 10 + 2; return 1; }
SEC("?cgroup/sock_create") int third(struct bpf_sock *ctx) { order = order * 10 + 3; return 1; }

__u16 redirect_port; /* host order; 0: leave the destination alone */
SEC("?cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	if (redirect_port)
		ctx->user_port = bpf_htons(redirect_port);
	return allowed(CONNECT4);
}

/* These may not refuse. */
#define ONLY_COUNT(name, index) SEC("?cgroup/" #name) int name(struct bpf_sock_addr *ctx) { allowed(index); return 1; }
ONLY_COUNT(recvmsg4, RECVMSG4)
ONLY_COUNT(recvmsg6, RECVMSG6)
ONLY_COUNT(recvmsg_unix, RECVMSG_UNIX)
ONLY_COUNT(getpeername4, GETPEERNAME4)
ONLY_COUNT(getpeername6, GETPEERNAME6)
ONLY_COUNT(getpeername_unix, GETPEERNAME_UNIX)
ONLY_COUNT(getsockname4, GETSOCKNAME4)
ONLY_COUNT(getsockname6, GETSOCKNAME6)
ONLY_COUNT(getsockname_unix, GETSOCKNAME_UNIX)

SEC("?cgroup/getsockopt")
int getsockopt(struct bpf_sockopt *ctx)
{
	__u8 *value = ctx->optval, *end = ctx->optval_end;

	allowed(GETSOCKOPT);
	if (ctx->level == 0 && ctx->optname == 1 && value + 1 <= end) { /* SOL_IP, IP_TOS */
		*value = 0x2a;
		ctx->retval = 0;
	} else {
		ctx->optlen = 0;
	}
	return 1;
}

SEC("?cgroup/setsockopt")
int setsockopt(struct bpf_sockopt *ctx)
{
	ctx->optlen = deny ? ctx->optlen : 0; /* 0: the kernel takes the caller's bytes */
	return allowed(SETSOCKOPT);
}

SEC("?sockops")
int sockops(struct bpf_sock_ops *ctx)
{
	if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		allowed(SOCKOPS);
	return 1;
}

SEC("?xdp") int not_for_cgroups(struct xdp_md *ctx) { return XDP_PASS; }

char _license[] SEC("license") = "GPL";
