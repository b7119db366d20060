/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/* purebpf header: "bpf headers" writes it. */
#ifndef __USDT_BPF_H__
#define __USDT_BPF_H__

/*
 * Arguments of USDT probes. The loader describes in a map where each probe has its arguments
 * (registers, memory, constants), and bpf_usdt_arg fetches them. Map names and the layout of their
 * values are agreed with the loader, libbpf's included.
 */

#if !defined(__VMLINUX_H__) && defined(__has_include)
#if __has_include(<linux/errno.h>)
#include <linux/errno.h>
#endif
#endif
#include "bpf_helpers.h"
#include "bpf_tracing.h"

#if !defined(__VMLINUX_H__) && !defined(__cplusplus) && !defined(bool) && \
	!(defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L)
typedef _Bool bool;
#endif

/* How many probes, counted by what their arguments look like, can be attached at a time. */
#ifndef BPF_USDT_MAX_SPEC_CNT
#define BPF_USDT_MAX_SPEC_CNT 256
#endif
/* How many places in programs; only on kernels before 5.15, which have no attach cookies. */
#ifndef BPF_USDT_MAX_IP_CNT
#define BPF_USDT_MAX_IP_CNT (4 * BPF_USDT_MAX_SPEC_CNT)
#endif
#define BPF_USDT_MAX_ARG_CNT 12

enum __bpf_usdt_arg_type {
	BPF_USDT_ARG_CONST, /* val_off */
	BPF_USDT_ARG_REG, /* the register at reg_off in struct pt_regs */
	BPF_USDT_ARG_REG_DEREF, /* memory at that register plus val_off */
	BPF_USDT_ARG_SIB, /* that plus the register at idx_reg_off << scale_bitshift */
};

struct __bpf_usdt_arg_spec {
	__u64 val_off;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	enum __bpf_usdt_arg_type arg_type: 8;
	__u16 idx_reg_off: 12;
	__u16 scale_bitshift: 4;
	__u8 __reserved: 8;
#else
	__u8 __reserved: 8;
	__u16 idx_reg_off: 12;
	__u16 scale_bitshift: 4;
	enum __bpf_usdt_arg_type arg_type: 8;
#endif
	short reg_off;
	bool arg_signed;
	char arg_bitshift; /* 64 less the argument's bits */
};

struct __bpf_usdt_spec {
	struct __bpf_usdt_arg_spec args[BPF_USDT_MAX_ARG_CNT];
	__u64 usdt_cookie;
	short arg_cnt;
};

/* In C++ what has a type without a name can't be weak. */
#ifdef __cplusplus
#define ___bpf_named(name) name
#else
#define ___bpf_named(name)
#endif

/* Types of maps by number: this header may be included without linux/bpf.h. */
struct ___bpf_named(__bpf_usdt_specs_map) {
	__uint(type, 2); /* BPF_MAP_TYPE_ARRAY */
	__uint(max_entries, BPF_USDT_MAX_SPEC_CNT);
	__type(key, int);
	__type(value, struct __bpf_usdt_spec);
} __bpf_usdt_specs SEC(".maps") __weak;

struct ___bpf_named(__bpf_usdt_ip_to_spec_id_map) {
	__uint(type, 1); /* BPF_MAP_TYPE_HASH */
	__uint(max_entries, BPF_USDT_MAX_IP_CNT);
	__type(key, long);
	__type(value, __u32);
} __bpf_usdt_ip_to_spec_id SEC(".maps") __weak;

extern const ___bpf_bool LINUX_HAS_BPF_COOKIE __kconfig;

/* The instruction pointer, for which struct pt_regs need not be known. */
#if defined(__VMLINUX_H__) || !defined(bpf_target_defined)
#define ___bpf_usdt_ip(ctx) PT_REGS_IP(ctx)
#else
#define ___bpf_usdt_ip(ctx) (*(const unsigned long *)((const char *)(ctx) + ___bpf_ip_offset))
#endif

/* What bpf_usdt_* return; linux/errno.h need not be there. */
enum {
	___BPF_USDT_ENOENT = 2,
	___BPF_USDT_ESRCH = 3,
	___BPF_USDT_EINVAL = 22,
};

___bpf_c_begin

static __always_inline int __bpf_usdt_spec_id(struct pt_regs *ctx)
{
	if (!LINUX_HAS_BPF_COOKIE) {
		long ip = ___bpf_usdt_ip(ctx);
		int *id = (int *)bpf_map_lookup_elem(&__bpf_usdt_ip_to_spec_id, &ip);

		return id ? *id : -___BPF_USDT_ESRCH;
	}
	return bpf_get_attach_cookie(ctx);
}

/* Has spec point to the description of the probe, or returns none. */
#define ___bpf_usdt_find(spec, ctx, none)					\
	int ___id = __bpf_usdt_spec_id(ctx);					\
	if (___id < 0)								\
		return none;							\
	spec = (struct __bpf_usdt_spec *)bpf_map_lookup_elem(&__bpf_usdt_specs, &___id); \
	if (!spec)								\
		return none;

/* How many arguments the probe has that the program runs for. */
__weak __hidden int bpf_usdt_arg_cnt(struct pt_regs *ctx)
{
	struct __bpf_usdt_spec *spec;

	___bpf_usdt_find(spec, ctx, -___BPF_USDT_ESRCH)
	return spec->arg_cnt;
}

/* Fetches argument arg_num, counted from 0. What can't be fetched is 0, and the error returned. */
__weak __hidden int bpf_usdt_arg(struct pt_regs *ctx, __u64 arg_num, long *res)
{
	struct __bpf_usdt_arg_spec *arg;
	struct __bpf_usdt_spec *spec;
	unsigned long val, index;
	int err;

	*res = 0;
	___bpf_usdt_find(spec, ctx, -___BPF_USDT_ESRCH)
	if (arg_num >= BPF_USDT_MAX_ARG_CNT)
		return -___BPF_USDT_ENOENT;
	barrier_var(arg_num); /* the verifier needs this bound, the compiler would drop it */
	if (arg_num >= (__u64)spec->arg_cnt)
		return -___BPF_USDT_ENOENT;

	arg = &spec->args[arg_num];
	switch (arg->arg_type) {
	case BPF_USDT_ARG_CONST:
		val = arg->val_off;
		break;
	case BPF_USDT_ARG_REG:
		err = bpf_probe_read_kernel(&val, sizeof(val), (char *)ctx + arg->reg_off);
		if (err)
			return err;
		break;
	case BPF_USDT_ARG_REG_DEREF:
		err = bpf_probe_read_kernel(&val, sizeof(val), (char *)ctx + arg->reg_off);
		if (err)
			return err;
		err = bpf_probe_read_user(&val, sizeof(val), (char *)val + arg->val_off);
		if (err)
			return err;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		val >>= arg->arg_bitshift; /* its bytes are the first of the eight */
#endif
		break;
	case BPF_USDT_ARG_SIB:
		err = bpf_probe_read_kernel(&val, sizeof(val), (char *)ctx + arg->reg_off);
		if (err)
			return err;
		err = bpf_probe_read_kernel(&index, sizeof(index), (char *)ctx + arg->idx_reg_off);
		if (err)
			return err;
		err = bpf_probe_read_user(&val, sizeof(val), (void *)
				(val + (index << arg->scale_bitshift) + arg->val_off));
		if (err)
			return err;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		val >>= arg->arg_bitshift;
#endif
		break;
	default:
		return -___BPF_USDT_EINVAL;
	}

	/* Bytes that the argument doesn't have become its sign, or 0. */
	val <<= arg->arg_bitshift;
	if (arg->arg_signed)
		val = ((long)val) >> arg->arg_bitshift;
	else
		val = val >> arg->arg_bitshift;
	*res = val;
	return 0;
}

/* How many bytes argument arg_num has; an error if there is no such argument. */
static __always_inline int bpf_usdt_arg_size(struct pt_regs *ctx, __u64 arg_num)
{
	struct __bpf_usdt_spec *spec;

	___bpf_usdt_find(spec, ctx, -___BPF_USDT_ESRCH)
	if (arg_num >= BPF_USDT_MAX_ARG_CNT)
		return -___BPF_USDT_ENOENT;
	barrier_var(arg_num);
	if (arg_num >= (__u64)spec->arg_cnt)
		return -___BPF_USDT_ENOENT;
	return (64u - (unsigned char)spec->args[arg_num].arg_bitshift) / 8;
}

/* The number that was given with the attachment; bpf_get_attach_cookie has another here. */
__weak __hidden long bpf_usdt_cookie(struct pt_regs *ctx)
{
	struct __bpf_usdt_spec *spec;

	___bpf_usdt_find(spec, ctx, 0)
	return spec->usdt_cookie;
}

___bpf_c_end

/*
 * SEC("usdt/libc.so.6:libc:memory_heap_new") int BPF_USDT(grown, void *heap, size_t size) { ... }:
 * the arguments of a probe, at most twelve. ctx is there as well.
 */
#define BPF_USDT(name, ...)							\
	___bpf_program(name, struct pt_regs,					\
		return ____##name(___bpf_usdt_args(__VA_ARGS__));, ##__VA_ARGS__)

#define ___bpf_usdt_value(n) \
	___bpf_word(({ long ___val; bpf_usdt_arg(ctx, n, &___val); ___val; }))
#define ___bpf_usdt_args0 ctx
#define ___bpf_usdt_args1 ___bpf_usdt_args0, ___bpf_usdt_value(0)
#define ___bpf_usdt_args2 ___bpf_usdt_args1, ___bpf_usdt_value(1)
#define ___bpf_usdt_args3 ___bpf_usdt_args2, ___bpf_usdt_value(2)
#define ___bpf_usdt_args4 ___bpf_usdt_args3, ___bpf_usdt_value(3)
#define ___bpf_usdt_args5 ___bpf_usdt_args4, ___bpf_usdt_value(4)
#define ___bpf_usdt_args6 ___bpf_usdt_args5, ___bpf_usdt_value(5)
#define ___bpf_usdt_args7 ___bpf_usdt_args6, ___bpf_usdt_value(6)
#define ___bpf_usdt_args8 ___bpf_usdt_args7, ___bpf_usdt_value(7)
#define ___bpf_usdt_args9 ___bpf_usdt_args8, ___bpf_usdt_value(8)
#define ___bpf_usdt_args10 ___bpf_usdt_args9, ___bpf_usdt_value(9)
#define ___bpf_usdt_args11 ___bpf_usdt_args10, ___bpf_usdt_value(10)
#define ___bpf_usdt_args12 ___bpf_usdt_args11, ___bpf_usdt_value(11)
#define ___bpf_usdt_args(...) ___bpf_apply(___bpf_usdt_args, ___bpf_narg(__VA_ARGS__))

#endif
