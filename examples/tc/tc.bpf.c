//go:build ignore

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define ETH_P_IP 0x0800
#define ETH_HLEN 14
#define IP_PROTOCOL 9 /* where the protocol is in an IPv4 header */
#define TCX_NEXT -1 /* kernel headers before 6.6 lack it */

struct traffic {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct traffic);
} protocols SEC(".maps");

SEC("tcx/ingress")
int count_protocols(struct __sk_buff *skb)
{
	struct traffic *t;
	__u8 protocol;
	__u32 key;

	if (skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + IP_PROTOCOL, &protocol, sizeof(protocol)))
		return TCX_NEXT;
	key = protocol;
	t = bpf_map_lookup_elem(&protocols, &key);
	if (t) {
		__sync_fetch_and_add(&t->packets, 1);
		__sync_fetch_and_add(&t->bytes, skb->len - ETH_HLEN);
	}
	return TCX_NEXT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
