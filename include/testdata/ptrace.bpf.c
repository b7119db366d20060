// SPDX-License-Identifier: BSD-2-Clause
// Macros that read registers, with the names that linux/ptrace.h has for them, and not vmlinux.h.
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

__u32 only_pid;
#define OURS (bpf_get_current_pid_tgid() >> 32 == only_pid)

struct call {
	__u64 count;
	__s64 args[3];
};
struct call raw_seen, kprobe_seen, kretprobe_seen, ksyscall_seen;

static __always_inline void saw(struct call *c, __s64 a, __s64 b, __s64 d)
{
	c->count++;
	c->args[0] = a;
	c->args[1] = b;
	c->args[2] = d;
}

SEC("raw_tp/sys_enter")
int BPF_PROG(on_enter, struct pt_regs *regs, long id)
{
	if (OURS && id == 8) // lseek
		saw(&raw_seen, PT_REGS_PARM1_CORE_SYSCALL(regs), PT_REGS_PARM2_CORE(regs),
		    PT_REGS_PARM3_CORE_SYSCALL(regs));
	return 0;
}

SEC("kprobe/__x64_sys_lseek")
int BPF_KPROBE(on_kprobe, struct pt_regs *regs)
{
	if (OURS)
		saw(&kprobe_seen, PT_REGS_PARM1_CORE_SYSCALL(regs), PT_REGS_PARM2_CORE_SYSCALL(regs),
		    PT_REGS_PARM3_CORE_SYSCALL(regs));
	return 0;
}

SEC("kretprobe/__x64_sys_lseek")
int BPF_KRETPROBE(on_kretprobe, long ret)
{
	if (OURS)
		saw(&kretprobe_seen, ret, PT_REGS_RC(ctx), 0);
	return 0;
}

SEC("ksyscall/lseek")
int BPF_KSYSCALL(on_ksyscall, unsigned int fd, long offset, unsigned int whence)
{
	if (OURS)
		saw(&ksyscall_seen, fd, offset, whence);
	return 0;
}
