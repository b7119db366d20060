/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/* purebpf header: "bpf headers" writes it. */
/* Code generated from internal/headergen/registers.tsv. DO NOT EDIT. */
#ifndef __BPF_REGISTERS_H__
#define __BPF_REGISTERS_H__

/*
 * The registers of each architecture as fields of struct pt_regs, for bpf_tracing.h. Which
 * architecture it is, __TARGET_ARCH_x86 and the like say, else the compiler, if it is one for the
 * architecture itself.
 */

#if defined(__TARGET_ARCH_x86)
#define bpf_target_x86
#elif defined(__TARGET_ARCH_s390)
#define bpf_target_s390
#elif defined(__TARGET_ARCH_arm)
#define bpf_target_arm
#elif defined(__TARGET_ARCH_arm64)
#define bpf_target_arm64
#elif defined(__TARGET_ARCH_mips)
#define bpf_target_mips
#elif defined(__TARGET_ARCH_powerpc)
#define bpf_target_powerpc
#elif defined(__TARGET_ARCH_sparc)
#define bpf_target_sparc
#elif defined(__TARGET_ARCH_riscv)
#define bpf_target_riscv
#elif defined(__TARGET_ARCH_arc)
#define bpf_target_arc
#elif defined(__TARGET_ARCH_loongarch)
#define bpf_target_loongarch
#elif defined(__x86_64__)
#define bpf_target_x86
#elif defined(__s390__)
#define bpf_target_s390
#elif defined(__arm__)
#define bpf_target_arm
#elif defined(__aarch64__)
#define bpf_target_arm64
#elif defined(__mips__)
#define bpf_target_mips
#elif defined(__powerpc__)
#define bpf_target_powerpc
#elif defined(__sparc__)
#define bpf_target_sparc
#elif defined(__riscv) && __riscv_xlen == 64
#define bpf_target_riscv
#elif defined(__arc__)
#define bpf_target_arc
#elif defined(__loongarch__)
#define bpf_target_loongarch
#endif

#ifdef __cplusplus
#define ___bpf_relocatable
#else
#define ___bpf_relocatable __attribute__((preserve_access_index))
#endif

#if defined(bpf_target_x86)

#define bpf_target_defined
#if defined(__KERNEL__) || defined(__VMLINUX_H__)
#define __PT_REGS_CAST(x) (x)
#define __PT_PARM1_REG di
#define __PT_PARM2_REG si
#define __PT_PARM3_REG dx
#define __PT_PARM4_REG cx
#define __PT_PARM5_REG r8
#define __PT_PARM6_REG r9
#define __PT_PARM7_REG __unsupported__
#define __PT_PARM8_REG __unsupported__
#define __PT_PARM1_SYSCALL_REG di
#define __PT_PARM2_SYSCALL_REG si
#define __PT_PARM3_SYSCALL_REG dx
#define __PT_PARM4_SYSCALL_REG r10
#define __PT_PARM5_SYSCALL_REG r8
#define __PT_PARM6_SYSCALL_REG r9
#define __PT_PARM7_SYSCALL_REG __unsupported__
#define __PT_RET_REG sp
#define __PT_FP_REG bp
#define __PT_RC_REG ax
#define __PT_SP_REG sp
#define __PT_IP_REG ip
#define ___bpf_ip_offset 128
#elif defined(__i386__)
#define __PT_REGS_CAST(x) (x)
#define __PT_PARM1_REG eax
#define __PT_PARM2_REG edx
#define __PT_PARM3_REG ecx
#define __PT_PARM4_REG __unsupported__
#define __PT_PARM5_REG __unsupported__
#define __PT_PARM6_REG __unsupported__
#define __PT_PARM7_REG __unsupported__
#define __PT_PARM8_REG __unsupported__
#define __PT_PARM1_SYSCALL_REG ebx
#define __PT_PARM2_SYSCALL_REG ecx
#define __PT_PARM3_SYSCALL_REG edx
#define __PT_PARM4_SYSCALL_REG esi
#define __PT_PARM5_SYSCALL_REG edi
#define __PT_PARM6_SYSCALL_REG ebp
#define __PT_PARM7_SYSCALL_REG __unsupported__
#define __PT_RET_REG esp
#define __PT_FP_REG ebp
#define __PT_RC_REG eax
#define __PT_SP_REG esp
#define __PT_IP_REG eip
#define ___bpf_ip_offset 96
#define ___bpf_reg_core(x, reg) BPF_PROBE_READ(__PT_REGS_CAST(x), reg)
#else
#define __PT_REGS_CAST(x) (x)
#define __PT_PARM1_REG rdi
#define __PT_PARM2_REG rsi
#define __PT_PARM3_REG rdx
#define __PT_PARM4_REG rcx
#define __PT_PARM5_REG r8
#define __PT_PARM6_REG r9
#define __PT_PARM7_REG __unsupported__
#define __PT_PARM8_REG __unsupported__
#define __PT_PARM1_SYSCALL_REG rdi
#define __PT_PARM2_SYSCALL_REG rsi
#define __PT_PARM3_SYSCALL_REG rdx
#define __PT_PARM4_SYSCALL_REG r10
#define __PT_PARM5_SYSCALL_REG r8
#define __PT_PARM6_SYSCALL_REG r9
#define __PT_PARM7_SYSCALL_REG __unsupported__
#define __PT_RET_REG rsp
#define __PT_FP_REG rbp
#define __PT_RC_REG rax
#define __PT_SP_REG rsp
#define __PT_IP_REG rip
#define ___bpf_ip_offset 128
#define ___bpf_reg_core(x, reg) BPF_PROBE_READ(__PT_REGS_CAST(x), reg)
#endif

#elif defined(bpf_target_s390)

#define bpf_target_defined
#define __PT_REGS_CAST(x) ((const user_pt_regs *)(x))
#define __PT_PARM1_REG gprs[2]
#define __PT_PARM2_REG gprs[3]
#define __PT_PARM3_REG gprs[4]
#define __PT_PARM4_REG gprs[5]
#define __PT_PARM5_REG gprs[6]
#define __PT_PARM6_REG __unsupported__
#define __PT_PARM7_REG __unsupported__
#define __PT_PARM8_REG __unsupported__
#define __PT_PARM1_SYSCALL_REG orig_gpr2
#define __PT_PARM2_SYSCALL_REG gprs[3]
#define __PT_PARM3_SYSCALL_REG gprs[4]
#define __PT_PARM4_SYSCALL_REG gprs[5]
#define __PT_PARM5_SYSCALL_REG gprs[6]
#define __PT_PARM6_SYSCALL_REG gprs[7]
#define __PT_PARM7_SYSCALL_REG __unsupported__
#define __PT_RET_REG gprs[14]
#define __PT_FP_REG gprs[11]
#define __PT_RC_REG gprs[2]
#define __PT_SP_REG gprs[15]
#define __PT_IP_REG psw.addr
#define ___bpf_ip_offset 16
struct pt_regs___s390 {
	unsigned long orig_gpr2;
} ___bpf_relocatable;
#define PT_REGS_PARM1_SYSCALL(x) (((const struct pt_regs___s390 *)(x))->orig_gpr2)
#define PT_REGS_PARM1_CORE_SYSCALL(x) BPF_CORE_READ(((const struct pt_regs___s390 *)(x)), orig_gpr2)

#elif defined(bpf_target_arm)

#define bpf_target_defined
#define __PT_REGS_CAST(x) (x)
#define __PT_PARM1_REG uregs[0]
#define __PT_PARM2_REG uregs[1]
#define __PT_PARM3_REG uregs[2]
#define __PT_PARM4_REG uregs[3]
#define __PT_PARM5_REG __unsupported__
#define __PT_PARM6_REG __unsupported__
#define __PT_PARM7_REG __unsupported__
#define __PT_PARM8_REG __unsupported__
#define __PT_PARM1_SYSCALL_REG uregs[0]
#define __PT_PARM2_SYSCALL_REG uregs[1]
#define __PT_PARM3_SYSCALL_REG uregs[2]
#define __PT_PARM4_SYSCALL_REG uregs[3]
#define __PT_PARM5_SYSCALL_REG uregs[4]
#define __PT_PARM6_SYSCALL_REG uregs[5]
#define __PT_PARM7_SYSCALL_REG uregs[6]
#define __PT_RET_REG uregs[14]
#define __PT_FP_REG uregs[11]
#define __PT_RC_REG uregs[0]
#define __PT_SP_REG uregs[13]
#define __PT_IP_REG uregs[15]
#define ___bpf_ip_offset 120

#elif defined(bpf_target_arm64)

#define bpf_target_defined
#define __PT_REGS_CAST(x) ((const struct user_pt_regs *)(x))
#define __PT_PARM1_REG regs[0]
#define __PT_PARM2_REG regs[1]
#define __PT_PARM3_REG regs[2]
#define __PT_PARM4_REG regs[3]
#define __PT_PARM5_REG regs[4]
#define __PT_PARM6_REG regs[5]
#define __PT_PARM7_REG regs[6]
#define __PT_PARM8_REG regs[7]
#define __PT_PARM1_SYSCALL_REG orig_x0
#define __PT_PARM2_SYSCALL_REG regs[1]
#define __PT_PARM3_SYSCALL_REG regs[2]
#define __PT_PARM4_SYSCALL_REG regs[3]
#define __PT_PARM5_SYSCALL_REG regs[4]
#define __PT_PARM6_SYSCALL_REG regs[5]
#define __PT_PARM7_SYSCALL_REG __unsupported__
#define __PT_RET_REG regs[30]
#define __PT_FP_REG regs[29]
#define __PT_RC_REG regs[0]
#define __PT_SP_REG sp
#define __PT_IP_REG pc
#define ___bpf_ip_offset 256
struct pt_regs___arm64 {
	unsigned long orig_x0;
} ___bpf_relocatable;
#define PT_REGS_PARM1_SYSCALL(x) (((const struct pt_regs___arm64 *)(x))->orig_x0)
#define PT_REGS_PARM1_CORE_SYSCALL(x) BPF_CORE_READ(((const struct pt_regs___arm64 *)(x)), orig_x0)
#define BPF_KPROBE_READ_RET_IP(ip, ctx) ({ (ip) = PT_REGS_RET(ctx); })

#elif defined(bpf_target_mips)

#define bpf_target_defined
#define __PT_REGS_CAST(x) (x)
#define __PT_PARM1_REG regs[4]
#define __PT_PARM2_REG regs[5]
#define __PT_PARM3_REG regs[6]
#define __PT_PARM4_REG regs[7]
#define __PT_PARM5_REG regs[8]
#define __PT_PARM6_REG regs[9]
#define __PT_PARM7_REG regs[10]
#define __PT_PARM8_REG regs[11]
#define __PT_PARM1_SYSCALL_REG regs[4]
#define __PT_PARM2_SYSCALL_REG regs[5]
#define __PT_PARM3_SYSCALL_REG regs[6]
#define __PT_PARM4_SYSCALL_REG regs[7]
#define __PT_PARM5_SYSCALL_REG regs[8]
#define __PT_PARM6_SYSCALL_REG regs[9]
#define __PT_PARM7_SYSCALL_REG __unsupported__
#define __PT_RET_REG regs[31]
#define __PT_FP_REG regs[30]
#define __PT_RC_REG regs[2]
#define __PT_SP_REG regs[29]
#define __PT_IP_REG cp0_epc
#define ___bpf_ip_offset 296

#elif defined(bpf_target_powerpc)

#define bpf_target_defined
#define __PT_REGS_CAST(x) (x)
#define __PT_PARM1_REG gpr[3]
#define __PT_PARM2_REG gpr[4]
#define __PT_PARM3_REG gpr[5]
#define __PT_PARM4_REG gpr[6]
#define __PT_PARM5_REG gpr[7]
#define __PT_PARM6_REG gpr[8]
#define __PT_PARM7_REG gpr[9]
#define __PT_PARM8_REG gpr[10]
#define __PT_PARM1_SYSCALL_REG orig_gpr3
#define __PT_PARM2_SYSCALL_REG gpr[4]
#define __PT_PARM3_SYSCALL_REG gpr[5]
#define __PT_PARM4_SYSCALL_REG gpr[6]
#define __PT_PARM5_SYSCALL_REG gpr[7]
#define __PT_PARM6_SYSCALL_REG gpr[8]
#define __PT_PARM7_SYSCALL_REG gpr[9]
#define __PT_RET_REG link
#define __PT_FP_REG __unsupported__
#define __PT_RC_REG gpr[3]
#define __PT_SP_REG gpr[1]
#define __PT_IP_REG nip
#define ___bpf_ip_offset 256
#define PT_REGS_SYSCALL_REGS(ctx) ctx
#define BPF_KPROBE_READ_RET_IP(ip, ctx) ({ (ip) = PT_REGS_RET(ctx); })

#elif defined(bpf_target_sparc)

#define bpf_target_defined
#if defined(__arch64__) || defined(__VMLINUX_H__)
#define __PT_REGS_CAST(x) (x)
#define __PT_PARM1_REG u_regs[8]
#define __PT_PARM2_REG u_regs[9]
#define __PT_PARM3_REG u_regs[10]
#define __PT_PARM4_REG u_regs[11]
#define __PT_PARM5_REG u_regs[12]
#define __PT_PARM6_REG u_regs[13]
#define __PT_PARM7_REG __unsupported__
#define __PT_PARM8_REG __unsupported__
#define __PT_PARM1_SYSCALL_REG u_regs[8]
#define __PT_PARM2_SYSCALL_REG u_regs[9]
#define __PT_PARM3_SYSCALL_REG u_regs[10]
#define __PT_PARM4_SYSCALL_REG u_regs[11]
#define __PT_PARM5_SYSCALL_REG u_regs[12]
#define __PT_PARM6_SYSCALL_REG u_regs[13]
#define __PT_PARM7_SYSCALL_REG __unsupported__
#define __PT_RET_REG u_regs[15]
#define __PT_FP_REG __unsupported__
#define __PT_RC_REG u_regs[8]
#define __PT_SP_REG u_regs[14]
#define __PT_IP_REG tpc
#define ___bpf_ip_offset 136
#define BPF_KPROBE_READ_RET_IP(ip, ctx) ({ (ip) = PT_REGS_RET(ctx); })
#else
#define __PT_REGS_CAST(x) (x)
#define __PT_PARM1_REG u_regs[8]
#define __PT_PARM2_REG u_regs[9]
#define __PT_PARM3_REG u_regs[10]
#define __PT_PARM4_REG u_regs[11]
#define __PT_PARM5_REG u_regs[12]
#define __PT_PARM6_REG u_regs[13]
#define __PT_PARM7_REG __unsupported__
#define __PT_PARM8_REG __unsupported__
#define __PT_PARM1_SYSCALL_REG u_regs[8]
#define __PT_PARM2_SYSCALL_REG u_regs[9]
#define __PT_PARM3_SYSCALL_REG u_regs[10]
#define __PT_PARM4_SYSCALL_REG u_regs[11]
#define __PT_PARM5_SYSCALL_REG u_regs[12]
#define __PT_PARM6_SYSCALL_REG u_regs[13]
#define __PT_PARM7_SYSCALL_REG __unsupported__
#define __PT_RET_REG u_regs[15]
#define __PT_FP_REG __unsupported__
#define __PT_RC_REG u_regs[8]
#define __PT_SP_REG u_regs[14]
#define __PT_IP_REG pc
#define ___bpf_ip_offset 8
#define BPF_KPROBE_READ_RET_IP(ip, ctx) ({ (ip) = PT_REGS_RET(ctx); })
#endif

#elif defined(bpf_target_riscv)

#define bpf_target_defined
#define __PT_REGS_CAST(x) ((const struct user_regs_struct *)(x))
#define __PT_PARM1_REG a0
#define __PT_PARM2_REG a1
#define __PT_PARM3_REG a2
#define __PT_PARM4_REG a3
#define __PT_PARM5_REG a4
#define __PT_PARM6_REG a5
#define __PT_PARM7_REG a6
#define __PT_PARM8_REG a7
#define __PT_PARM1_SYSCALL_REG orig_a0
#define __PT_PARM2_SYSCALL_REG a1
#define __PT_PARM3_SYSCALL_REG a2
#define __PT_PARM4_SYSCALL_REG a3
#define __PT_PARM5_SYSCALL_REG a4
#define __PT_PARM6_SYSCALL_REG a5
#define __PT_PARM7_SYSCALL_REG __unsupported__
#define __PT_RET_REG ra
#define __PT_FP_REG s0
#define __PT_RC_REG a0
#define __PT_SP_REG sp
#define __PT_IP_REG pc
#define ___bpf_ip_offset 0
struct pt_regs___riscv {
	unsigned long orig_a0;
} ___bpf_relocatable;
#define PT_REGS_PARM1_SYSCALL(x) (((const struct pt_regs___riscv *)(x))->orig_a0)
#define PT_REGS_PARM1_CORE_SYSCALL(x) BPF_CORE_READ(((const struct pt_regs___riscv *)(x)), orig_a0)

#elif defined(bpf_target_arc)

#define bpf_target_defined
#define __PT_REGS_CAST(x) ((const struct user_regs_struct *)(x))
#define __PT_PARM1_REG scratch.r0
#define __PT_PARM2_REG scratch.r1
#define __PT_PARM3_REG scratch.r2
#define __PT_PARM4_REG scratch.r3
#define __PT_PARM5_REG scratch.r4
#define __PT_PARM6_REG scratch.r5
#define __PT_PARM7_REG scratch.r6
#define __PT_PARM8_REG scratch.r7
#define __PT_PARM1_SYSCALL_REG scratch.r0
#define __PT_PARM2_SYSCALL_REG scratch.r1
#define __PT_PARM3_SYSCALL_REG scratch.r2
#define __PT_PARM4_SYSCALL_REG scratch.r3
#define __PT_PARM5_SYSCALL_REG scratch.r4
#define __PT_PARM6_SYSCALL_REG scratch.r5
#define __PT_PARM7_SYSCALL_REG __unsupported__
#define __PT_RET_REG scratch.blink
#define __PT_FP_REG scratch.fp
#define __PT_RC_REG scratch.r0
#define __PT_SP_REG scratch.sp
#define __PT_IP_REG scratch.ret
#define ___bpf_ip_offset 48
#define PT_REGS_SYSCALL_REGS(ctx) ctx

#elif defined(bpf_target_loongarch)

#define bpf_target_defined
#define __PT_REGS_CAST(x) ((const struct user_pt_regs *)(x))
#define __PT_PARM1_REG regs[4]
#define __PT_PARM2_REG regs[5]
#define __PT_PARM3_REG regs[6]
#define __PT_PARM4_REG regs[7]
#define __PT_PARM5_REG regs[8]
#define __PT_PARM6_REG regs[9]
#define __PT_PARM7_REG regs[10]
#define __PT_PARM8_REG regs[11]
#define __PT_PARM1_SYSCALL_REG orig_a0
#define __PT_PARM2_SYSCALL_REG regs[5]
#define __PT_PARM3_SYSCALL_REG regs[6]
#define __PT_PARM4_SYSCALL_REG regs[7]
#define __PT_PARM5_SYSCALL_REG regs[8]
#define __PT_PARM6_SYSCALL_REG regs[9]
#define __PT_PARM7_SYSCALL_REG __unsupported__
#define __PT_RET_REG regs[1]
#define __PT_FP_REG regs[22]
#define __PT_RC_REG regs[4]
#define __PT_SP_REG regs[3]
#define __PT_IP_REG csr_era
#define ___bpf_ip_offset 264
#define PT_REGS_SYSCALL_REGS(ctx) ctx

#endif

#endif
