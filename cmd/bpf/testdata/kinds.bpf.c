// SPDX-License-Identifier: BSD-2-Clause
// A program for each of many hooks. They count their runs in a map, by name, and those of probes keep their cookie.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct seen {
	__u64 runs, cookie;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, char[16]);
	__type(value, struct seen);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

static __always_inline void note(const char *name, __u64 cookie)
{
	struct seen *s = bpf_map_lookup_elem(&seen, name), first = {1, cookie};

	if (s)
		__sync_fetch_and_add(&s->runs, 1);
	else
		bpf_map_update_elem(&seen, name, &first, BPF_NOEXIST);
}

#define COUNTS(sec, name, result, cookie)      \
	SEC(sec) int name(void *ctx)           \
	{                                      \
		char key[16] = #name;          \
		note(key, cookie);             \
		return result;                 \
	}

COUNTS("xdp", on_xdp, XDP_PASS, 0)
COUNTS("tc", on_tc, TC_ACT_OK, 0)
COUNTS("tc/egress", on_egress, -1, 0)
COUNTS("cgroup_skb/egress", on_cgroup, 1, 0)
COUNTS("?cgroup/skb", on_skb, 1, 0)
COUNTS("sk_lookup", on_lookup, SK_PASS, 0)
COUNTS("tp", on_tp, 0, bpf_get_attach_cookie(ctx))
COUNTS("raw_tp", on_raw_tp, 0, 0)
COUNTS("uprobe", on_uprobe, 0, bpf_get_attach_cookie(ctx))
COUNTS("?uretprobe", on_uretprobe, 0, bpf_get_attach_cookie(ctx))
COUNTS("?kprobe", on_kprobe, 0, bpf_get_attach_cookie(ctx))
COUNTS("perf_event", on_perf, 0, bpf_get_attach_cookie(ctx))
COUNTS("?lwt_out", on_route, BPF_OK, 0)
COUNTS("?netfilter", on_netfilter, 1, 0)

SEC("?flow_dissector") int dissect(void *ctx) { return 129; } // BPF_FLOW_DISSECTOR_CONTINUE
SEC("?sk_skb/verdict") int verdict(void *ctx) { return SK_PASS; }
SEC("?lirc_mode2") int infrared(void *ctx) { return 0; }
SEC("?socket") int filter(void *ctx) { return 0; }

char LICENSE[] SEC("license") = "GPL";
