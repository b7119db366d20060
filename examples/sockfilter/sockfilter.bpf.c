//go:build ignore

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define ETH_P_IP 0x0800
#define ETH_HLEN 14

struct packet {
	__u8 protocol;
	__u8 source[4];
	__u8 destination[4];
	__u16 length;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} packets SEC(".maps");

const struct packet *unused; /* tells the skeleton what the records are */

SEC("socket")
int look(struct __sk_buff *skb)
{
	struct packet *p;

	if (skb->protocol != bpf_htons(ETH_P_IP))
		return 0;
	p = bpf_ringbuf_reserve(&packets, sizeof(*p), 0);
	if (!p)
		return 0;
	p->length = skb->len - ETH_HLEN;
	/* The source's and the destination's address end an IPv4 header without options. */
	if (bpf_skb_load_bytes(skb, ETH_HLEN + 9, &p->protocol, 1) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + 12, p->source, 4) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + 16, p->destination, 4)) {
		bpf_ringbuf_discard(p, 0);
		return 0;
	}
	bpf_ringbuf_submit(p, 0);
	return 0; /* the socket itself gets no packet */
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
