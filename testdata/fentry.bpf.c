// SPDX-License-Identifier: BSD-2-Clause
// Programs at functions of the kernel, of modules and of other programs (freplace_target.bpf.c); they act on the thread of the test.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c fentry.bpf.c -o fentry.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct task_struct {
	int pid;
};
struct rq {
	int cpu;
};
struct veth_priv {
	unsigned int requested_headroom;
};
#pragma clang attribute pop
struct sk_buff;
struct net_device;
struct socket;
struct sockaddr;
struct file;

__u32 only_tid;
__u64 entered, left, entry_cookie, exit_cookie, denied, opened, bound, in_program, module_entered, module_left, function_ip;
int entry_nr, left_pid, mod_ret = -13, program_ret, cpu_of;
__u32 wanted_cpu;

static __always_inline int mine(void)
{
	return (__u32)bpf_get_current_pid_tgid() == only_tid;
}

SEC("?fentry/find_task_by_vpid")
int BPF_PROG(on_entry, int nr)
{
	if (!mine())
		return 0;
	__sync_fetch_and_add(&entered, 1);
	entry_nr = nr;
	entry_cookie = bpf_get_attach_cookie(ctx);
	function_ip = bpf_get_func_ip(ctx);
	return 0;
}

__u64 slept;

SEC("?fentry.s/__x64_sys_getpgid")
int BPF_PROG(on_entry_sleepable)
{
	if (mine())
		__sync_fetch_and_add(&slept, 1);
	return 0;
}

SEC("?fexit/find_task_by_vpid")
int BPF_PROG(on_exit, int nr, struct task_struct *task)
{
	if (!mine())
		return 0;
	__sync_fetch_and_add(&left, 1);
	left_pid = task->pid;
	exit_cookie = bpf_get_attach_cookie(ctx);
	return 0;
}

SEC("?fmod_ret/security_task_getpgid")
int BPF_PROG(on_modify, struct task_struct *task, int ret)
{
	return mine() ? mod_ret : ret;
}

SEC("?fmod_ret/security_task_getpgid")
int BPF_PROG(on_modify_too, struct task_struct *task, int ret)
{
	return ret;
}

SEC("?fmod_ret/find_task_by_vpid")
int BPF_PROG(not_modifiable, int nr, int ret)
{
	return 0;
}

SEC("?lsm/task_getsid")
int BPF_PROG(deny, struct task_struct *task, int ret)
{
	if (ret || !mine())
		return ret;
	__sync_fetch_and_add(&denied, 1);
	return -1; /* EPERM */
}

const void *user_address;
__u64 user_word;

SEC("?lsm.s/file_open")
int BPF_PROG(sleepable, struct file *file, int ret)
{
	if (mine() && !bpf_copy_from_user(&user_word, sizeof(user_word), user_address))
		__sync_fetch_and_add(&opened, 1);
	return ret;
}

SEC("?lsm_cgroup/socket_bind")
int BPF_PROG(on_bind, struct socket *sock, struct sockaddr *address, int length)
{
	__sync_fetch_and_add(&bound, 1);
	return 0; /* EPERM */
}

SEC("?fentry/part")
int BPF_PROG(on_part, struct sk_buff *skb)
{
	__sync_fetch_and_add(&in_program, 1);
	return 0;
}

SEC("?fexit/whole")
int BPF_PROG(on_whole, struct sk_buff *skb, int ret)
{
	program_ret = ret;
	return 0;
}

SEC("?freplace/part")
int replacement(struct __sk_buff *skb)
{
	return 42;
}

SEC("?freplace/part")
int replacement_too(struct __sk_buff *skb)
{
	return 43;
}

SEC("?freplace/other_part")
int other_signature(struct __sk_buff *skb)
{
	return 44;
}

SEC("?fentry/dummy_xmit")
int BPF_PROG(on_dummy, struct sk_buff *skb, struct net_device *dev)
{
	__sync_fetch_and_add(&module_entered, 1);
	return 0;
}

SEC("?fexit/veth:veth_xmit")
int BPF_PROG(on_veth, struct sk_buff *skb, struct net_device *dev, int ret)
{
	__sync_fetch_and_add(&module_left, 1);
	return 0;
}

SEC("?fentry/no_such_function_at_all")
int BPF_PROG(missing)
{
	return 0;
}

extern const struct rq runqueues __ksym __weak;

SEC("?tc")
int typed_ksym(struct __sk_buff *skb)
{
	const struct rq *rq = bpf_per_cpu_ptr(&runqueues, wanted_cpu);

	return rq ? rq->cpu : -1;
}

SEC("?tc")
int module_type(struct __sk_buff *skb)
{
	if (!bpf_core_type_exists(struct veth_priv))
		return -1;
	return bpf_core_field_offset(struct veth_priv, requested_headroom);
}

struct nf_conn {
	unsigned long status;
} __attribute__((preserve_access_index));
struct bpf_ct_opts {
	int netns_id, error;
	__u8 l4proto, dir, reserved[2];
};

extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *, struct bpf_sock_tuple *, __u32, struct bpf_ct_opts *, __u32) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *) __ksym __weak;

SEC("?tc")
int module_kfunc(struct __sk_buff *skb)
{
	struct bpf_ct_opts opts = {.netns_id = -1 /* BPF_F_CURRENT_NETNS */, .l4proto = 17};
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	tuple.ipv4.sport = tuple.ipv4.dport = 9;
	ct = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), &opts, 12);
	if (ct) {
		bpf_ct_release(ct);
		return 0;
	}
	return opts.error;
}

char _license[] SEC("license") = "GPL";
