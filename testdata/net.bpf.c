// SPDX-License-Identifier: BSD-2-Clause
// One program per hook of interfaces, network namespaces and sockets; each counts what it sees.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c net.bpf.c -o net.bpf.o
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct bpf_nf_ctx;
__u64 runs[32];
__u64 order; /* in which tc programs saw the last packet, as decimal digits */

enum { XDP, XDP_FRAGS, TC1, TC2, TC3, FILTER, REUSEPORT, LOOKUP, DISSECTOR, PARSER, VERDICT, MSG, NETFILTER, LWT_IN, LWT_OUT, LWT_XMIT,
       REDIRECT, DEVMAP, CPUMAP, MIGRATE, SEG6LOCAL };

static __always_inline void count(int i) { __sync_fetch_and_add(&runs[i & 31], 1); }

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} group SEC(".maps");

SEC("?xdp") int xdp_pass(struct xdp_md *ctx) { count(XDP); return XDP_PASS; }
SEC("?xdp") int xdp_drop(struct xdp_md *ctx) { count(XDP); return XDP_DROP; }
SEC("?xdp.frags") int xdp_frags(struct xdp_md *ctx) { count(XDP_FRAGS); return XDP_PASS; }
SEC("?xdp") int xdp_redirect(struct xdp_md *ctx) { count(REDIRECT); return bpf_redirect_map(&devices, 0, 0); }
SEC("?xdp.frags") int frags_redirect(struct xdp_md *ctx) { count(REDIRECT); return bpf_redirect_map(&devices, 0, 0); }
SEC("?xdp/devmap") int xdp_devmap(struct xdp_md *ctx) { count(DEVMAP); return XDP_PASS; }
SEC("?xdp.frags/devmap") int frags_devmap(struct xdp_md *ctx) { count(DEVMAP); return XDP_PASS; }

__u32 on_cpu; /* 1 + the processor that a program of the cpumap ran on */
static __always_inline int to_cpu(void)
{
	count(CPUMAP);
	on_cpu = 1 + bpf_get_smp_processor_id();
	return XDP_PASS;
}
__u32 cpu;
SEC("?xdp") int xdp_redirect_cpu(struct xdp_md *ctx) { count(REDIRECT); return bpf_redirect_map(&cpus, cpu, 0); }
SEC("?xdp.frags") int frags_redirect_cpu(struct xdp_md *ctx) { count(REDIRECT); return bpf_redirect_map(&cpus, cpu, 0); }
SEC("?xdp/cpumap") int xdp_cpumap(struct xdp_md *ctx) { return to_cpu(); }
SEC("?xdp.frags/cpumap") int frags_cpumap(struct xdp_md *ctx) { return to_cpu(); }

#define TC(name, section, digit, index)                                                                                                \
	SEC(section) int name(struct __sk_buff *ctx)                                                                                   \
	{                                                                                                                              \
		count(index);                                                                                                          \
		order = order * 10 + digit;                                                                                            \
		return -1; /* TCX_NEXT, TC_ACT_UNSPEC */                                                                               \
	}
TC(tc_first, "?tc", 1, TC1)
TC(tc_second, "?tc", 2, TC2)
TC(tc_third, "?tc", 3, TC3)
TC(tcx_in, "?tcx/ingress", 4, TC1)
TC(nk_primary, "?netkit/primary", 5, TC1)
TC(nk_peer, "?netkit/peer", 6, TC2)
SEC("?tc") int tc_drop(struct __sk_buff *ctx) { count(TC1); return TC_ACT_SHOT; }

__u32 keep; /* bytes that a socket filter lets through */
SEC("?socket") int filter(struct __sk_buff *ctx) { count(FILTER); return keep; }
SEC("?socket") int pick(struct __sk_buff *ctx) { count(REUSEPORT); return 1; }

__u32 chosen;
SEC("?sk_reuseport")
int reuseport(struct sk_reuseport_md *ctx)
{
	__u32 key = chosen;

	count(REUSEPORT);
	return bpf_sk_select_reuseport(ctx, &group, &key, 0) ? SK_DROP : SK_PASS;
}

/* The same, also for connections whose listener goes away. */
SEC("?sk_reuseport/migrate")
int migrate(struct sk_reuseport_md *ctx)
{
	__u32 key = chosen;

	if (ctx->migrating_sk)
		count(MIGRATE);
	else
		count(REUSEPORT);
	return bpf_sk_select_reuseport(ctx, &group, &key, 0) ? SK_DROP : SK_PASS;
}

__u16 lookup_port; /* host order */
SEC("?sk_lookup")
int lookup(struct bpf_sk_lookup *ctx)
{
	__u32 key = 0;
	struct bpf_sock *sk;
	long err;

	if (ctx->local_port != lookup_port)
		return SK_PASS;
	count(LOOKUP);
	sk = bpf_map_lookup_elem(&sockets, &key);
	if (!sk)
		return SK_DROP;
	err = bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	return err ? SK_DROP : SK_PASS;
}

SEC("?flow_dissector") int dissector(struct __sk_buff *ctx) { count(DISSECTOR); return BPF_DROP; }
SEC("?flow_dissector") int dissector2(struct __sk_buff *ctx) { return BPF_DROP; }

/* What one socket of the map receives goes back to where it came from: out of the socket. */
SEC("?sk_skb/stream_parser") int parser(struct __sk_buff *ctx) { count(PARSER); return ctx->len; }
SEC("?sk_skb/stream_verdict") int stream_verdict(struct __sk_buff *ctx) { count(VERDICT); return bpf_sk_redirect_map(ctx, &sockets, 0, 0); }
SEC("?sk_skb/stream_verdict") int stream_verdict2(struct __sk_buff *ctx) { return SK_PASS; }
SEC("?sk_skb/verdict") int verdict(struct __sk_buff *ctx) { count(VERDICT); return bpf_sk_redirect_map(ctx, &sockets, 0, 0); }
SEC("?sk_msg") int msg(struct sk_msg_md *ctx) { count(MSG); return SK_DROP; }

SEC("?netfilter") int nf_drop(struct bpf_nf_ctx *ctx) { count(NETFILTER); return 0; }
SEC("?netfilter") int nf_accept(struct bpf_nf_ctx *ctx) { count(NETFILTER); return 1; }

SEC("?lwt_in") int lwt_in(struct __sk_buff *ctx) { count(LWT_IN); return BPF_OK; }
SEC("?lwt_out") int lwt_out(struct __sk_buff *ctx) { count(LWT_OUT); return BPF_OK; }
SEC("?lwt_xmit") int lwt_xmit(struct __sk_buff *ctx) { count(LWT_XMIT); return BPF_OK; }
__u32 seg6_answer; /* BPF_OK 0: on to the next segment; BPF_DROP 2 */
SEC("?lwt_seg6local") int seg6local(struct __sk_buff *ctx) { count(SEG6LOCAL); return seg6_answer; }

char _license[] SEC("license") = "GPL";
