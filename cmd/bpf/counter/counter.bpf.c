// SPDX-License-Identifier: BSD-2-Clause
// What `bpf run` without an object runs: packets and bytes per protocol, counted at XDP.
// clang -O2 -g -target bpfel -Wall -fdebug-compilation-dir=. -c counter.bpf.c -o counter.bpf.o && llvm-strip -g counter.bpf.o
// The same with -target bpfeb makes counter-be.bpf.o.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

// The enumerators are what the table shows.
enum protocol {
	other = 0,
	icmp = 1,
	igmp = 2,
	tcp = 6,
	udp = 17,
	icmpv6 = 58,
	sctp = 132,
	arp = 256, // beyond the IP protocol numbers
	vlan = 257,
};

struct traffic {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, enum protocol);
	__type(value, struct traffic);
} packets SEC(".maps");

static enum protocol ip_protocol(__u8 nr)
{
	switch (nr) {
	case IPPROTO_ICMP:
		return icmp;
	case IPPROTO_IGMP:
		return igmp;
	case IPPROTO_TCP:
		return tcp;
	case IPPROTO_UDP:
		return udp;
	case IPPROTO_ICMPV6:
		return icmpv6;
	case IPPROTO_SCTP:
		return sctp;
	}
	return other;
}

static enum protocol classify(void *data, void *end)
{
	struct ethhdr *eth = data;

	if (data + sizeof(*eth) > end)
		return other;
	switch (eth->h_proto) {
	case bpf_htons(ETH_P_IP): {
		struct iphdr *ip = data + sizeof(*eth);
		return (void *)(ip + 1) > end ? other : ip_protocol(ip->protocol);
	}
	case bpf_htons(ETH_P_IPV6): {
		struct ipv6hdr *ip = data + sizeof(*eth);
		return (void *)(ip + 1) > end ? other : ip_protocol(ip->nexthdr);
	}
	case bpf_htons(ETH_P_ARP):
		return arp;
	case bpf_htons(ETH_P_8021Q):
	case bpf_htons(ETH_P_8021AD):
		return vlan;
	}
	return other;
}

SEC("xdp")
int count_packets(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	enum protocol protocol = classify(data, end);
	struct traffic *seen = bpf_map_lookup_elem(&packets, &protocol);

	if (!seen) {
		struct traffic none = {};

		bpf_map_update_elem(&packets, &protocol, &none, BPF_NOEXIST);
		seen = bpf_map_lookup_elem(&packets, &protocol);
		if (!seen)
			return XDP_PASS;
	}
	// The value is this CPU's own: no atomics needed.
	seen->packets++;
	seen->bytes += end - data;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
