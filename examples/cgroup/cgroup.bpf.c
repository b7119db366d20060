//go:build ignore

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct connection {
	__u32 pid;
	__u16 port;
	__u16 allowed;
	__u8 address[4];
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} connections SEC(".maps");

const struct connection *unused; /* tells the skeleton what the records are */

const volatile __u16 denied_port;

SEC("cgroup/connect4")
int connecting(struct bpf_sock_addr *ctx)
{
	__u16 port = bpf_ntohs(ctx->user_port);
	int allowed = !denied_port || port != denied_port;
	struct connection *c = bpf_ringbuf_reserve(&connections, sizeof(*c), 0);
	__be32 address = ctx->user_ip4;

	if (!c)
		return allowed;
	c->pid = bpf_get_current_pid_tgid() >> 32;
	c->port = port;
	c->allowed = allowed;
	__builtin_memcpy(c->address, &address, sizeof(address));
	bpf_get_current_comm(c->comm, sizeof(c->comm));
	bpf_ringbuf_submit(c, 0);
	return allowed;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
