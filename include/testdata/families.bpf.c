// SPDX-License-Identifier: BSD-2-Clause
// A program for each family of macros in include/bpf, which write down what process pid does. It is
// compiled with those headers by TestFamilies. The types are those of vmlinux.h for x86-64.
#define __VMLINUX_H__
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed long long __s64;
typedef int __s32;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip;
	unsigned long cs, flags, sp, ss;
};
struct task_struct {
	int tgid;
	struct task_struct *group_leader;
	char comm[16];
	unsigned sched_reset_on_fork : 1;
};
#pragma clang attribute pop
struct bpf_iter_num {
	__u64 __opaque[1];
} __attribute__((aligned(8)));
struct bpf_iter_task {
	__u64 __opaque[3];
} __attribute__((aligned(8)));

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>
#include <bpf/usdt.bpf.h>

char LICENSE[] SEC("license") = "GPL";

__u32 only_pid;
#define OURS (bpf_get_current_pid_tgid() >> 32 == only_pid)

// BPF_PROG, CO-RE reads, printing and loops, in a raw tracepoint of every system call.
__u64 prog_id, prog_fd, core_tgid, core_bits, core_into, printed, printed_many, swapped, counted;
char core_comm[16], formatted[32];

SEC("raw_tp/sys_enter")
int BPF_PROG(on_enter, struct pt_regs *regs, long id)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	int tgid = 0;

	if (!OURS || id != 8) // lseek
		return 0;
	prog_id = id;
	prog_fd = PT_REGS_PARM1_CORE_SYSCALL(regs);
	core_tgid = BPF_CORE_READ(task, group_leader, group_leader, tgid);
	core_bits = BPF_CORE_READ_BITFIELD_PROBED(task, tgid);
	BPF_CORE_READ_INTO(&tgid, task, group_leader, tgid);
	core_into = tgid;
	BPF_CORE_READ_STR_INTO(&core_comm, task, group_leader, comm);
	BPF_SNPRINTF(formatted, sizeof(formatted), "%d %s %x", 7, "seven", 0x77);
	printed = bpf_printk("%d", 7);
	printed_many = bpf_printk("%d%d%d%d", 1, 2, 3, 4);
	swapped = bpf_htons((__u16)id) == 0x800 && bpf_ntohl(bpf_htonl((__u32)id)) == (__u32)id &&
		  bpf_be64_to_cpu(bpf_cpu_to_be64(id)) == (__u64)id;
	return 0;
}

// bpf_for and bpf_repeat, where the kernel has them.
SEC("raw_tp/sys_enter")
int BPF_PROG(loops, struct pt_regs *regs, long id)
{
	__u64 sum = 0;
	int i;

	if (!OURS || id != 8 || !bpf_ksym_exists(bpf_iter_num_new))
		return 0;
	bpf_for(i, 1, 101)
		sum += i;
	bpf_repeat(5)
		sum += 1000;
	bpf_for(i, 0, 1000000) {
		if (i == 7)
			break;
		sum += 100000;
	}
	counted = sum;
	return 0;
}

// bpf_for_each over numbers and over all processes, where the kernel has that.
extern int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task, unsigned int flags)
	__weak __ksym;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __weak __ksym;
extern void bpf_iter_task_destroy(struct bpf_iter_task *it) __weak __ksym;

__u64 walked_numbers, walked_self, walked_second;

SEC("raw_tp/sys_enter")
int BPF_PROG(walk, struct pt_regs *regs, long id)
{
	struct task_struct *task;
	__u64 sum = 0;
	int *n;

	if (!OURS || id != 8 || !bpf_ksym_exists(bpf_iter_task_new))
		return 0;
	bpf_for_each(num, n, 1, 11) {
		if (*n == 9)
			break;
		sum += *n;
	}
	walked_numbers = sum;
	bpf_for_each(task, task, 0, 0) { // BPF_TASK_ITER_ALL_PROCS
		walked_self += task->tgid == only_pid;
		walked_second += task->tgid == 2; // kthreadd
	}
	return 0;
}

// A bit-field of the kernel's memory, read with a helper and directly.
__u64 bits_probed_seen, bits_direct_seen;

SEC("raw_tp/sys_enter")
int BPF_PROG(bits_probed, struct pt_regs *regs, long id)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (OURS && id == 8)
		bits_probed_seen = BPF_CORE_READ_BITFIELD_PROBED(task, sched_reset_on_fork);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(bits_direct, struct pt_regs *regs, long id)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (OURS && id == 8)
		bits_direct_seen = BPF_CORE_READ_BITFIELD(task, sched_reset_on_fork);
	return 0;
}

struct call {
	__u64 count;
	__s64 args[3];
};
struct call kprobe_seen, kretprobe_seen, ksyscall_seen, fentry_seen, uprobe_seen, uretprobe_seen;
struct call usdt_seen;

static __always_inline void saw(struct call *c, __s64 a, __s64 b, __s64 d)
{
	c->count++;
	c->args[0] = a;
	c->args[1] = b;
	c->args[2] = d;
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
		saw(&kretprobe_seen, ret, 0, 0);
	return 0;
}

SEC("ksyscall/lseek")
int BPF_KSYSCALL(on_ksyscall, unsigned int fd, long offset, unsigned int whence)
{
	if (OURS)
		saw(&ksyscall_seen, fd, offset, whence);
	return 0;
}

SEC("fexit/__x64_sys_lseek")
int BPF_PROG2(on_fexit, struct pt_regs *, regs, long, ret)
{
	if (OURS)
		saw(&fentry_seen, regs->di, regs->si, ret);
	return 0;
}

SEC("uprobe")
int BPF_UPROBE(on_uprobe, int a, long b, short c)
{
	if (OURS)
		saw(&uprobe_seen, a, b, c);
	return 0;
}

SEC("uretprobe")
int BPF_URETPROBE(on_uretprobe, int ret)
{
	if (OURS)
		saw(&uretprobe_seen, ret, 0, 0);
	return 0;
}

SEC("usdt")
int BPF_USDT(on_usdt, int a, long b, short c)
{
	if (OURS) {
		saw(&usdt_seen, a, b, c);
		usdt_seen.count += 100 * bpf_usdt_arg_cnt(ctx) + 10000 * bpf_usdt_arg_size(ctx, 2);
	}
	return 0;
}
