//go:build ignore

#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

/* What the program reads of the kernel's types; their places are found at the load. */
struct sock_common {
	__be32 skc_daddr;
	__be16 skc_dport;
	unsigned short skc_family;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
} __attribute__((preserve_access_index));

struct connection {
	__u32 pid;
	__u16 family;
	__u16 port;
	__u8 address[4]; /* IPv4 */
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} connections SEC(".maps");

const struct connection *unused; /* tells the skeleton what the records are */

SEC("kprobe/tcp_connect")
int BPF_KPROBE(connecting, struct sock *sk)
{
	struct connection *c = bpf_ringbuf_reserve(&connections, sizeof(*c), 0);
	__be32 address;

	if (!c)
		return 0;
	c->pid = bpf_get_current_pid_tgid() >> 32;
	c->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	c->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	address = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	__builtin_memcpy(c->address, &address, sizeof(address));
	bpf_get_current_comm(c->comm, sizeof(c->comm));
	bpf_ringbuf_submit(c, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
