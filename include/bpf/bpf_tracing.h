/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/* purebpf header: "bpf headers" writes it. */
#ifndef __BPF_TRACING_H__
#define __BPF_TRACING_H__

/*
 * Arguments of what is traced, as arguments of the program: BPF_PROG and the like. They and the
 * PT_REGS macros need -D__TARGET_ARCH_x86 (arm64, riscv, ...) for the architecture whose registers
 * are meant, and struct pt_regs of vmlinux.h or linux/ptrace.h.
 */

#include "bpf_helpers.h"
#include "bpf_core_read.h"
#include "bpf_registers.h"

struct pt_regs;

#ifdef bpf_target_defined

#define ___bpf_reg(x, reg) (__PT_REGS_CAST(x)->reg)
#ifndef ___bpf_reg_core
#define ___bpf_reg_core(x, reg) BPF_CORE_READ(__PT_REGS_CAST(x), reg)
#endif

#else /* the message comes where a register is used */

#ifndef __BPF_TARGET_MISSING
#define __BPF_TARGET_MISSING "GCC error \"Must specify a BPF target arch via __TARGET_ARCH_xxx\""
#endif
#define ___bpf_reg(x, reg) ({ _Pragma(__BPF_TARGET_MISSING); 0l; })
#define ___bpf_reg_core(x, reg) ___bpf_reg(x, reg)

#endif

/*
 * Registers of a struct pt_regs that the program may read directly, its context: parameters of the
 * function that starts, the place of its return address, frame pointer, result of the function that
 * returns, stack pointer, and instruction pointer.
 */
#define PT_REGS_PARM1(x) ___bpf_reg(x, __PT_PARM1_REG)
#define PT_REGS_PARM2(x) ___bpf_reg(x, __PT_PARM2_REG)
#define PT_REGS_PARM3(x) ___bpf_reg(x, __PT_PARM3_REG)
#define PT_REGS_PARM4(x) ___bpf_reg(x, __PT_PARM4_REG)
#define PT_REGS_PARM5(x) ___bpf_reg(x, __PT_PARM5_REG)
#define PT_REGS_PARM6(x) ___bpf_reg(x, __PT_PARM6_REG)
#define PT_REGS_PARM7(x) ___bpf_reg(x, __PT_PARM7_REG)
#define PT_REGS_PARM8(x) ___bpf_reg(x, __PT_PARM8_REG)
#define PT_REGS_RET(x) ___bpf_reg(x, __PT_RET_REG)
#define PT_REGS_FP(x) ___bpf_reg(x, __PT_FP_REG)
#define PT_REGS_RC(x) ___bpf_reg(x, __PT_RC_REG)
#define PT_REGS_SP(x) ___bpf_reg(x, __PT_SP_REG)
#define PT_REGS_IP(x) ___bpf_reg(x, __PT_IP_REG)

/* The same of one that lies elsewhere in the kernel's memory, with CO-RE, unless the fields have
 * names that the kernel doesn't know: those of x86 in linux/ptrace.h, whose offsets never change.
 */
#define PT_REGS_PARM1_CORE(x) ___bpf_reg_core(x, __PT_PARM1_REG)
#define PT_REGS_PARM2_CORE(x) ___bpf_reg_core(x, __PT_PARM2_REG)
#define PT_REGS_PARM3_CORE(x) ___bpf_reg_core(x, __PT_PARM3_REG)
#define PT_REGS_PARM4_CORE(x) ___bpf_reg_core(x, __PT_PARM4_REG)
#define PT_REGS_PARM5_CORE(x) ___bpf_reg_core(x, __PT_PARM5_REG)
#define PT_REGS_PARM6_CORE(x) ___bpf_reg_core(x, __PT_PARM6_REG)
#define PT_REGS_PARM7_CORE(x) ___bpf_reg_core(x, __PT_PARM7_REG)
#define PT_REGS_PARM8_CORE(x) ___bpf_reg_core(x, __PT_PARM8_REG)
#define PT_REGS_RET_CORE(x) ___bpf_reg_core(x, __PT_RET_REG)
#define PT_REGS_FP_CORE(x) ___bpf_reg_core(x, __PT_FP_REG)
#define PT_REGS_RC_CORE(x) ___bpf_reg_core(x, __PT_RC_REG)
#define PT_REGS_SP_CORE(x) ___bpf_reg_core(x, __PT_SP_REG)
#define PT_REGS_IP_CORE(x) ___bpf_reg_core(x, __PT_IP_REG)

/* Parameters of a system call, read directly and with CO-RE. */
#ifndef PT_REGS_PARM1_SYSCALL
#define PT_REGS_PARM1_SYSCALL(x) ___bpf_reg(x, __PT_PARM1_SYSCALL_REG)
#define PT_REGS_PARM1_CORE_SYSCALL(x) ___bpf_reg_core(x, __PT_PARM1_SYSCALL_REG)
#endif
#define PT_REGS_PARM2_SYSCALL(x) ___bpf_reg(x, __PT_PARM2_SYSCALL_REG)
#define PT_REGS_PARM3_SYSCALL(x) ___bpf_reg(x, __PT_PARM3_SYSCALL_REG)
#define PT_REGS_PARM4_SYSCALL(x) ___bpf_reg(x, __PT_PARM4_SYSCALL_REG)
#define PT_REGS_PARM5_SYSCALL(x) ___bpf_reg(x, __PT_PARM5_SYSCALL_REG)
#define PT_REGS_PARM6_SYSCALL(x) ___bpf_reg(x, __PT_PARM6_SYSCALL_REG)
#define PT_REGS_PARM7_SYSCALL(x) ___bpf_reg(x, __PT_PARM7_SYSCALL_REG)
#define PT_REGS_PARM2_CORE_SYSCALL(x) ___bpf_reg_core(x, __PT_PARM2_SYSCALL_REG)
#define PT_REGS_PARM3_CORE_SYSCALL(x) ___bpf_reg_core(x, __PT_PARM3_SYSCALL_REG)
#define PT_REGS_PARM4_CORE_SYSCALL(x) ___bpf_reg_core(x, __PT_PARM4_SYSCALL_REG)
#define PT_REGS_PARM5_CORE_SYSCALL(x) ___bpf_reg_core(x, __PT_PARM5_SYSCALL_REG)
#define PT_REGS_PARM6_CORE_SYSCALL(x) ___bpf_reg_core(x, __PT_PARM6_SYSCALL_REG)
#define PT_REGS_PARM7_CORE_SYSCALL(x) ___bpf_reg_core(x, __PT_PARM7_SYSCALL_REG)

/* What a system call's function takes: a struct pt_regs, where they have wrappers, which is the
 * rule; else the parameters themselves.
 */
#ifndef PT_REGS_SYSCALL_REGS
#define PT_REGS_SYSCALL_REGS(ctx) ((struct pt_regs *)PT_REGS_PARM1(ctx))
#endif

/*
 * The return address, in a kprobe and in a kretprobe. Where it isn't in a register, it is on top of
 * the stack when the function starts, and behind the frame pointer when it returns.
 */
#ifdef BPF_KPROBE_READ_RET_IP
#define BPF_KRETPROBE_READ_RET_IP BPF_KPROBE_READ_RET_IP
#else
#define BPF_KPROBE_READ_RET_IP(ip, ctx) \
	({ bpf_probe_read_kernel(&(ip), sizeof(ip), (void *)PT_REGS_RET(ctx)); })
#define BPF_KRETPROBE_READ_RET_IP(ip, ctx) \
	({ bpf_probe_read_kernel(&(ip), sizeof(ip), (void *)(PT_REGS_FP(ctx) + sizeof(ip))); })
#endif

/* A register or a slot of the context, to become an argument of any type that fits. */
#ifdef __cplusplus
struct ___bpf_word {
	unsigned long long value;
	template <typename T> __always_inline operator T() const { return (T)value; }
};
#define ___bpf_word(x) ((struct ___bpf_word){ (unsigned long long)(x) })
#define ___bpf_bool bool
#else
#define ___bpf_word(x) ((unsigned long long)(x))
#define ___bpf_bool _Bool
#endif

/*
 * A program NAME that takes a context, and its body as a function ____NAME that takes the arguments
 * too. The compiler puts one into the other.
 */
#define ___bpf_program(name, context, entry, ...)				\
name(context *ctx);								\
static __always_inline __typeof__(name(0)) ____##name(context *ctx, ##__VA_ARGS__);	\
__typeof__(name(0)) name(context *ctx)						\
{										\
	_Pragma("GCC diagnostic push")						\
	_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")			\
	entry									\
	_Pragma("GCC diagnostic pop")						\
}										\
static __always_inline __typeof__(name(0)) ____##name(context *ctx, ##__VA_ARGS__)

/* The arguments for a body with so many parameters after ctx. */
#define ___bpf_ctx_cast0 ctx
#define ___bpf_ctx_cast1 ___bpf_ctx_cast0, ___bpf_word(ctx[0])
#define ___bpf_ctx_cast2 ___bpf_ctx_cast1, ___bpf_word(ctx[1])
#define ___bpf_ctx_cast3 ___bpf_ctx_cast2, ___bpf_word(ctx[2])
#define ___bpf_ctx_cast4 ___bpf_ctx_cast3, ___bpf_word(ctx[3])
#define ___bpf_ctx_cast5 ___bpf_ctx_cast4, ___bpf_word(ctx[4])
#define ___bpf_ctx_cast6 ___bpf_ctx_cast5, ___bpf_word(ctx[5])
#define ___bpf_ctx_cast7 ___bpf_ctx_cast6, ___bpf_word(ctx[6])
#define ___bpf_ctx_cast8 ___bpf_ctx_cast7, ___bpf_word(ctx[7])
#define ___bpf_ctx_cast9 ___bpf_ctx_cast8, ___bpf_word(ctx[8])
#define ___bpf_ctx_cast10 ___bpf_ctx_cast9, ___bpf_word(ctx[9])
#define ___bpf_ctx_cast11 ___bpf_ctx_cast10, ___bpf_word(ctx[10])
#define ___bpf_ctx_cast12 ___bpf_ctx_cast11, ___bpf_word(ctx[11])
#define ___bpf_ctx_cast(...) ___bpf_apply(___bpf_ctx_cast, ___bpf_narg(__VA_ARGS__))

#define ___bpf_kprobe_args0 ctx
#define ___bpf_kprobe_args1 ___bpf_kprobe_args0, ___bpf_word(PT_REGS_PARM1(ctx))
#define ___bpf_kprobe_args2 ___bpf_kprobe_args1, ___bpf_word(PT_REGS_PARM2(ctx))
#define ___bpf_kprobe_args3 ___bpf_kprobe_args2, ___bpf_word(PT_REGS_PARM3(ctx))
#define ___bpf_kprobe_args4 ___bpf_kprobe_args3, ___bpf_word(PT_REGS_PARM4(ctx))
#define ___bpf_kprobe_args5 ___bpf_kprobe_args4, ___bpf_word(PT_REGS_PARM5(ctx))
#define ___bpf_kprobe_args6 ___bpf_kprobe_args5, ___bpf_word(PT_REGS_PARM6(ctx))
#define ___bpf_kprobe_args7 ___bpf_kprobe_args6, ___bpf_word(PT_REGS_PARM7(ctx))
#define ___bpf_kprobe_args8 ___bpf_kprobe_args7, ___bpf_word(PT_REGS_PARM8(ctx))
#define ___bpf_kprobe_args(...) ___bpf_apply(___bpf_kprobe_args, ___bpf_narg(__VA_ARGS__))

#define ___bpf_kretprobe_args0 ctx
#define ___bpf_kretprobe_args1 ___bpf_kretprobe_args0, ___bpf_word(PT_REGS_RC(ctx))
#define ___bpf_kretprobe_args(...) ___bpf_apply(___bpf_kretprobe_args, ___bpf_narg(__VA_ARGS__))

#define ___bpf_syscall_args0 ctx
#define ___bpf_syscall_args1 ___bpf_syscall_args0, ___bpf_word(PT_REGS_PARM1_SYSCALL(regs))
#define ___bpf_syscall_args2 ___bpf_syscall_args1, ___bpf_word(PT_REGS_PARM2_SYSCALL(regs))
#define ___bpf_syscall_args3 ___bpf_syscall_args2, ___bpf_word(PT_REGS_PARM3_SYSCALL(regs))
#define ___bpf_syscall_args4 ___bpf_syscall_args3, ___bpf_word(PT_REGS_PARM4_SYSCALL(regs))
#define ___bpf_syscall_args5 ___bpf_syscall_args4, ___bpf_word(PT_REGS_PARM5_SYSCALL(regs))
#define ___bpf_syscall_args6 ___bpf_syscall_args5, ___bpf_word(PT_REGS_PARM6_SYSCALL(regs))
#define ___bpf_syscall_args7 ___bpf_syscall_args6, ___bpf_word(PT_REGS_PARM7_SYSCALL(regs))
#define ___bpf_syscall_args(...) ___bpf_apply(___bpf_syscall_args, ___bpf_narg(__VA_ARGS__))

#define ___bpf_syswrap_args0 ctx
#define ___bpf_syswrap_args1 ___bpf_syswrap_args0, ___bpf_word(PT_REGS_PARM1_CORE_SYSCALL(regs))
#define ___bpf_syswrap_args2 ___bpf_syswrap_args1, ___bpf_word(PT_REGS_PARM2_CORE_SYSCALL(regs))
#define ___bpf_syswrap_args3 ___bpf_syswrap_args2, ___bpf_word(PT_REGS_PARM3_CORE_SYSCALL(regs))
#define ___bpf_syswrap_args4 ___bpf_syswrap_args3, ___bpf_word(PT_REGS_PARM4_CORE_SYSCALL(regs))
#define ___bpf_syswrap_args5 ___bpf_syswrap_args4, ___bpf_word(PT_REGS_PARM5_CORE_SYSCALL(regs))
#define ___bpf_syswrap_args6 ___bpf_syswrap_args5, ___bpf_word(PT_REGS_PARM6_CORE_SYSCALL(regs))
#define ___bpf_syswrap_args7 ___bpf_syswrap_args6, ___bpf_word(PT_REGS_PARM7_CORE_SYSCALL(regs))
#define ___bpf_syswrap_args(...) ___bpf_apply(___bpf_syswrap_args, ___bpf_narg(__VA_ARGS__))

/*
 * SEC("fentry/vfs_read") int BPF_PROG(read_starts, struct file *file, char *buf) { ... }: programs
 * whose context is an array of 64-bit numbers: fentry, fexit, tp_btf, raw_tp, lsm, struct_ops. At
 * most twelve arguments; the first of those that there are will do. ctx is there as well.
 */
#define BPF_PROG(name, ...)							\
	___bpf_program(name, unsigned long long,				\
		return ____##name(___bpf_ctx_cast(__VA_ARGS__));, ##__VA_ARGS__)

/*
 * SEC("kprobe/do_unlinkat") int BPF_KPROBE(unlinked, int dfd, struct filename *name) { ... }: the
 * arguments of a function of the kernel, at most eight. BPF_KRETPROBE has its result as the only
 * one. BPF_UPROBE and BPF_URETPROBE are the same for functions of user space.
 */
#define BPF_KPROBE(name, ...)							\
	___bpf_program(name, struct pt_regs,					\
		return ____##name(___bpf_kprobe_args(__VA_ARGS__));, ##__VA_ARGS__)
#define BPF_KRETPROBE(name, ...)						\
	___bpf_program(name, struct pt_regs,					\
		return ____##name(___bpf_kretprobe_args(__VA_ARGS__));, ##__VA_ARGS__)
#define BPF_UPROBE(name, ...) BPF_KPROBE(name, ##__VA_ARGS__)
#define BPF_URETPROBE(name, ...) BPF_KRETPROBE(name, ##__VA_ARGS__)

/*
 * SEC("ksyscall/openat") int BPF_KSYSCALL(opened, int dfd, const char *name) { ... }: the arguments
 * of a system call, at most seven, whether its function has a wrapper or not: the loader knows. The
 * system calls whose arguments come in another order on some architectures (mmap, clone and those
 * behind socketcall) and those of 32-bit processes are taken as they come.
 */
#define BPF_KSYSCALL(name, ...)							\
	___bpf_program(name, struct pt_regs,					\
		extern ___bpf_bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;		\
		struct pt_regs *regs = LINUX_HAS_SYSCALL_WRAPPER		\
				? (struct pt_regs *)PT_REGS_PARM1(ctx) : ctx;	\
		if (LINUX_HAS_SYSCALL_WRAPPER)					\
			return ____##name(___bpf_syswrap_args(__VA_ARGS__));	\
		return ____##name(___bpf_syscall_args(__VA_ARGS__));, ##__VA_ARGS__)
#define BPF_KPROBE_SYSCALL BPF_KSYSCALL

/*
 * SEC("fentry/f") int BPF_PROG2(name, struct pair, p, int, n) { ... }: BPF_PROG for functions that
 * take structs by value, with type and name of each argument separated by a comma. An argument of
 * 16 bytes takes two slots of the context, a smaller one takes one.
 */
#define ___bpf_nth2(_, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13,	\
		    _14, _15, _16, _17, _18, _19, _20, _21, _22, _23, _24, N, ...) N
#define ___bpf_narg2(...)							\
	___bpf_nth2(_, ##__VA_ARGS__, 12, 12, 11, 11, 10, 10, 9, 9, 8, 8, 7, 7,	\
		    6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0)

#define ___bpf_slots(t) (sizeof(t) == 16 ? 2 : 1)
#define ___bpf_slot_type(t)							\
	__typeof__(__builtin_choose_expr(sizeof(t) == 1, (unsigned char)0,	\
		   __builtin_choose_expr(sizeof(t) == 2, (unsigned short)0,	\
		   __builtin_choose_expr(sizeof(t) == 4, 0u, 0ull))))
/* The argument in slot n and those after it. */
#define ___bpf_slot_arg(t, x, n) ({						\
	_Static_assert(sizeof(t) == 1 || sizeof(t) == 2 || sizeof(t) == 4 ||	\
		       sizeof(t) == 8 || sizeof(t) == 16,			\
		       "an argument of BPF_PROG2 has 1, 2, 4, 8 or 16 bytes");	\
	__builtin_choose_expr(sizeof(t) == 16,					\
		___bpf_slot_union(unsigned long long, 2, t, x, ctx[n], ctx[(n) + 1]), \
		___bpf_slot_union(___bpf_slot_type(t), 1, t, x, ctx[n]));		\
})
#define ___bpf_slot_union(word, count, t, x, ...) ({				\
	union { word slot[count]; t x; } ___arg = { .slot = { __VA_ARGS__ } };	\
	___arg.x;								\
})

#define ___bpf_slot_args0(n)
#define ___bpf_slot_args1(n, t, x) , ___bpf_slot_arg(t, x, n)
#define ___bpf_slot_args2(n, t, x, ...) \
	___bpf_slot_args1(n, t, x) ___bpf_slot_args1((n) + ___bpf_slots(t), __VA_ARGS__)
#define ___bpf_slot_args3(n, t, x, ...) \
	___bpf_slot_args1(n, t, x) ___bpf_slot_args2((n) + ___bpf_slots(t), __VA_ARGS__)
#define ___bpf_slot_args4(n, t, x, ...) \
	___bpf_slot_args1(n, t, x) ___bpf_slot_args3((n) + ___bpf_slots(t), __VA_ARGS__)
#define ___bpf_slot_args5(n, t, x, ...) \
	___bpf_slot_args1(n, t, x) ___bpf_slot_args4((n) + ___bpf_slots(t), __VA_ARGS__)
#define ___bpf_slot_args6(n, t, x, ...) \
	___bpf_slot_args1(n, t, x) ___bpf_slot_args5((n) + ___bpf_slots(t), __VA_ARGS__)
#define ___bpf_slot_args7(n, t, x, ...) \
	___bpf_slot_args1(n, t, x) ___bpf_slot_args6((n) + ___bpf_slots(t), __VA_ARGS__)
#define ___bpf_slot_args8(n, t, x, ...) \
	___bpf_slot_args1(n, t, x) ___bpf_slot_args7((n) + ___bpf_slots(t), __VA_ARGS__)
#define ___bpf_slot_args9(n, t, x, ...) \
	___bpf_slot_args1(n, t, x) ___bpf_slot_args8((n) + ___bpf_slots(t), __VA_ARGS__)
#define ___bpf_slot_args10(n, t, x, ...) \
	___bpf_slot_args1(n, t, x) ___bpf_slot_args9((n) + ___bpf_slots(t), __VA_ARGS__)
#define ___bpf_slot_args11(n, t, x, ...) \
	___bpf_slot_args1(n, t, x) ___bpf_slot_args10((n) + ___bpf_slots(t), __VA_ARGS__)
#define ___bpf_slot_args12(n, t, x, ...) \
	___bpf_slot_args1(n, t, x) ___bpf_slot_args11((n) + ___bpf_slots(t), __VA_ARGS__)
#define ___bpf_slot_args(...) \
	___bpf_apply(___bpf_slot_args, ___bpf_narg2(__VA_ARGS__))(0, ##__VA_ARGS__)

#define ___bpf_slot_decl0()
#define ___bpf_slot_decl1(t, x) , t x
#define ___bpf_slot_decl2(t, x, ...) , t x ___bpf_slot_decl1(__VA_ARGS__)
#define ___bpf_slot_decl3(t, x, ...) , t x ___bpf_slot_decl2(__VA_ARGS__)
#define ___bpf_slot_decl4(t, x, ...) , t x ___bpf_slot_decl3(__VA_ARGS__)
#define ___bpf_slot_decl5(t, x, ...) , t x ___bpf_slot_decl4(__VA_ARGS__)
#define ___bpf_slot_decl6(t, x, ...) , t x ___bpf_slot_decl5(__VA_ARGS__)
#define ___bpf_slot_decl7(t, x, ...) , t x ___bpf_slot_decl6(__VA_ARGS__)
#define ___bpf_slot_decl8(t, x, ...) , t x ___bpf_slot_decl7(__VA_ARGS__)
#define ___bpf_slot_decl9(t, x, ...) , t x ___bpf_slot_decl8(__VA_ARGS__)
#define ___bpf_slot_decl10(t, x, ...) , t x ___bpf_slot_decl9(__VA_ARGS__)
#define ___bpf_slot_decl11(t, x, ...) , t x ___bpf_slot_decl10(__VA_ARGS__)
#define ___bpf_slot_decl12(t, x, ...) , t x ___bpf_slot_decl11(__VA_ARGS__)
#define ___bpf_slot_decl(...) \
	___bpf_apply(___bpf_slot_decl, ___bpf_narg2(__VA_ARGS__))(__VA_ARGS__)

#define BPF_PROG2(name, ...)							\
name(unsigned long long *ctx);							\
static __always_inline __typeof__(name(0))					\
____##name(unsigned long long *ctx ___bpf_slot_decl(__VA_ARGS__));		\
__typeof__(name(0)) name(unsigned long long *ctx)				\
{										\
	return ____##name(ctx ___bpf_slot_args(__VA_ARGS__));			\
}										\
static __always_inline __typeof__(name(0))					\
____##name(unsigned long long *ctx ___bpf_slot_decl(__VA_ARGS__))

#endif
