//go:build ignore

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_arena.h>

/* The keys and values, which user space fills. */
struct {
	__uint(type, 33); /* BPF_MAP_TYPE_ARENA, which older headers lack */
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024); /* pages */
} arena SEC(".maps");

#define BUCKETS 256 /* a power of two */

/* What a packet carries: a request has no value. */
struct message {
	char key[16];
	char value[48];
};

struct entry {
	struct entry __arena *next;
	struct message message;
};

struct entry __arena *__arena_global buckets[BUCKETS];

unsigned long long hits, misses;

const volatile unsigned short port = 7777;

/* FNV-1a. */
static unsigned int hash(const char *key)
{
	unsigned int h = 2166136261;

	for (int i = 0; i < 16; i++)
		h = (h ^ (unsigned char)key[i]) * 16777619;
	return h;
}

static bool equal(const char *a, const char __arena *b)
{
	for (int i = 0; i < 16; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* Turns the packet round. The sums of IP and UDP stay: they don't know the order. */
static void send_back(struct ethhdr *eth, struct iphdr *ip, struct udphdr *udp)
{
	unsigned char mac[ETH_ALEN];
	__be32 address = ip->saddr;
	__be16 from = udp->source;

	__builtin_memcpy(mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, mac, ETH_ALEN);
	ip->saddr = ip->daddr;
	ip->daddr = address;
	udp->source = udp->dest;
	udp->dest = from;
	udp->check = 0; /* none */
}

/* Answers requests from the arena. What isn't there is left to user space. */
SEC("xdp")
int answer(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	struct message *request = (void *)(udp + 1);
	struct entry __arena *e;

	if ((void *)(request + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_UDP || udp->dest != bpf_htons(port))
		return XDP_PASS;
	e = buckets[hash(request->key) % BUCKETS];
	while (e && can_loop) {
		if (equal(request->key, e->message.key)) {
			for (int i = 0; i < sizeof(request->value); i++)
				request->value[i] = e->message.value[i];
			send_back(eth, ip, udp);
			__sync_fetch_and_add(&hits, 1);
			return XDP_TX;
		}
		e = e->next;
	}
	__sync_fetch_and_add(&misses, 1);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
