/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/* purebpf header: "bpf headers" writes it. */
#ifndef __BPF_HELPERS__
#define __BPF_HELPERS__

/*
 * What every BPF program in C needs: map definitions, sections, helpers, printing, loops. Include
 * vmlinux.h or linux/bpf.h before it for the types and constants of the kernel.
 */

#include "bpf_helper_defs.h"

#ifdef __cplusplus
#define ___bpf_c_begin extern "C" {
#define ___bpf_c_end }
#else
#define ___bpf_c_begin
#define ___bpf_c_end
#endif

/*
 * Members of a map's definition. A number is the length of an array, a type that of a pointer's
 * target: neither is ever allocated, the loader reads them from BTF.
 *
 *	struct {
 *		__uint(type, BPF_MAP_TYPE_HASH);
 *		__uint(max_entries, 1024);
 *		__type(key, __u32);
 *		__type(value, struct session);
 *	} sessions SEC(".maps");
 */
#define __uint(name, val) int (*name)[val]
#define __type(name, val) __typeof__(val) *name
#define __array(name, val) __typeof__(val) *name[]
/* A number of 64 bits, which the length of an array can't be. */
#define __ulong(name, val) enum { ___bpf_apply(___bpf_ulong, __COUNTER__) = val } name

/*
 * Puts a program, a variable or a map into a section, whose name tells the loader what it is.
 * On a declaration "used" has no meaning; the compiler need not say so.
 */
#ifdef __clang__
#define SEC(name)						\
	_Pragma("clang diagnostic push")			\
	_Pragma("clang diagnostic ignored \"-Wignored-attributes\"") \
	__attribute__((section(name), used))			\
	_Pragma("clang diagnostic pop")
#else
#define SEC(name) __attribute__((section(name), used))
#endif

/* linux/stddef.h has another __always_inline. */
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
/* A global function that the verifier checks with each caller, as if it were static. */
#define __hidden __attribute__((visibility("hidden")))

#define __kconfig __attribute__((section(".kconfig"))) /* extern: an option of the kernel's build */
#define __ksym __attribute__((section(".ksyms"))) /* extern: a function or variable of the kernel */

/* Pointers in maps to objects of the kernel, of per-CPU memory, and of user space. */
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#define __uptr __attribute__((btf_type_tag("uptr")))

/* What the verifier may take for granted of a global function's parameter, and asks of callers. */
#define __arg_ctx __attribute__((btf_decl_tag("arg:ctx")))
#define __arg_nonnull __attribute__((btf_decl_tag("arg:nonnull")))
#define __arg_nullable __attribute__((btf_decl_tag("arg:nullable")))
#define __arg_trusted __attribute__((btf_decl_tag("arg:trusted")))
#define __arg_untrusted __attribute__((btf_decl_tag("arg:untrusted")))
#define __arg_arena __attribute__((btf_decl_tag("arg:arena")))

#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#endif
#ifndef unlikely
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#ifndef NULL
#ifdef __cplusplus
#define NULL __null
#else
#define NULL ((void *)0)
#endif
#endif

#ifndef KERNEL_VERSION
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#endif

/* The compiler's own offsetof is a constant before CO-RE can relocate it. */
#undef offsetof
#define offsetof(type, member) ((unsigned long)&((type *)0)->member)
#undef container_of
#define container_of(ptr, type, member) ({					\
	char *___member = (char *)(ptr);					\
	(type *)(___member - offsetof(type, member));				\
})

/* Keeps the compiler from moving memory accesses across it. */
#ifndef barrier
#define barrier() __asm__ volatile("" ::: "memory")
#endif
/* Keeps the compiler from what it knows about a variable, so that a check of it stays. */
#ifndef barrier_var
#define barrier_var(var) __asm__ volatile("" : "+r"(var))
#endif
/* A place that the optimizer must find unreachable, else the program doesn't compile. */
#ifndef __bpf_unreachable
#define __bpf_unreachable() __builtin_trap()
#endif

/* How a map is pinned: __uint(pinning, LIBBPF_PIN_BY_NAME). */
enum libbpf_pin_type {
	LIBBPF_PIN_NONE = 0,
	LIBBPF_PIN_BY_NAME = 1,
};

/* The value of a __kconfig extern for an option that may be a module. */
enum libbpf_tristate {
	TRI_NO = 0,
	TRI_YES = 1,
	TRI_MODULE = 2,
};

/*
 * bpf_tail_call with a slot that is known when the program is compiled. The registers are set right
 * before the call, so that the kernel sees one map and one slot there and can jump directly.
 */
#ifdef __bpf__
static __always_inline void bpf_tail_call_static(void *ctx, const void *map, const __u32 slot)
{
	if (!__builtin_constant_p(slot))
		__bpf_unreachable();
	__asm__ volatile("r1 = %0\n"
			 "r2 = %1\n"
			 "r3 = %2\n"
			 "call 12\n"
			 : /* returns only where there was nothing to call */
			 : "r"(ctx), "r"(map), "i"(slot)
			 : "r0", "r1", "r2", "r3", "r4", "r5");
}
#endif

/* Whether the kernel has a function or variable that was declared extern, __ksym and __weak. */
#ifdef __clang__
#define bpf_ksym_exists(sym) ({						\
	_Static_assert(!__builtin_constant_p(!!sym), #sym " should be marked as __weak"); \
	!!sym;								\
})
#else
#define bpf_ksym_exists(sym) (!!sym)
#endif

/* Macros with a variable number of arguments, up to twelve. */
#ifndef ___bpf_concat
#define ___bpf_concat(a, b) a ## b
#endif
#ifndef ___bpf_apply
#define ___bpf_apply(fn, n) ___bpf_concat(fn, n)
#endif
#ifndef ___bpf_nth
#define ___bpf_nth(_, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, N, ...) N
#endif
#ifndef ___bpf_narg
#define ___bpf_narg(...) \
	___bpf_nth(_, ##__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#endif

/* Stores each argument as a number in an array, from its start. */
#define ___bpf_fill0(arr, at)
#define ___bpf_fill1(arr, at, x) arr[at] = (unsigned long long)(x);
#define ___bpf_fill2(arr, at, x, ...) \
	___bpf_fill1(arr, at, x) ___bpf_fill1(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill3(arr, at, x, ...) \
	___bpf_fill1(arr, at, x) ___bpf_fill2(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill4(arr, at, x, ...) \
	___bpf_fill1(arr, at, x) ___bpf_fill3(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill5(arr, at, x, ...) \
	___bpf_fill1(arr, at, x) ___bpf_fill4(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill6(arr, at, x, ...) \
	___bpf_fill1(arr, at, x) ___bpf_fill5(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill7(arr, at, x, ...) \
	___bpf_fill1(arr, at, x) ___bpf_fill6(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill8(arr, at, x, ...) \
	___bpf_fill1(arr, at, x) ___bpf_fill7(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill9(arr, at, x, ...) \
	___bpf_fill1(arr, at, x) ___bpf_fill8(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill10(arr, at, x, ...) \
	___bpf_fill1(arr, at, x) ___bpf_fill9(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill11(arr, at, x, ...) \
	___bpf_fill1(arr, at, x) ___bpf_fill10(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill12(arr, at, x, ...) \
	___bpf_fill1(arr, at, x) ___bpf_fill11(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill(arr, ...) \
	___bpf_apply(___bpf_fill, ___bpf_narg(__VA_ARGS__))(arr, 0, ##__VA_ARGS__)

/*
 * bpf_printk("%s: %d", name, n) writes a line of at most twelve arguments to the kernel's
 * trace_pipe. More than three need Linux 5.16. For debugging only. With BPF_NO_GLOBAL_DATA the
 * format is on the stack, for kernels before 5.2.
 */
#ifdef BPF_NO_GLOBAL_DATA
#define BPF_PRINTK_FMT_MOD
#else
#define BPF_PRINTK_FMT_MOD static const
#endif
#define __bpf_printk(fmt, ...) ({						\
	BPF_PRINTK_FMT_MOD char ____fmt[] = fmt;				\
	bpf_trace_printk(____fmt, sizeof(____fmt), ##__VA_ARGS__);		\
})
#define __bpf_vprintk(fmt, ...) ({						\
	static const char ___fmt[] = fmt;					\
	unsigned long long ___args[___bpf_narg(__VA_ARGS__)];			\
	___bpf_fill(___args, ##__VA_ARGS__)					\
	bpf_trace_vprintk(___fmt, sizeof(___fmt), ___args, sizeof(___args));	\
})
#define ___bpf_pick_printk(...) ___bpf_nth(_, ##__VA_ARGS__,			\
	__bpf_vprintk, __bpf_vprintk, __bpf_vprintk, __bpf_vprintk, __bpf_vprintk, \
	__bpf_vprintk, __bpf_vprintk, __bpf_vprintk, __bpf_vprintk,		\
	__bpf_printk, __bpf_printk, __bpf_printk, __bpf_printk)
#define bpf_printk(fmt, ...) ___bpf_pick_printk(__VA_ARGS__)(fmt, ##__VA_ARGS__)

/* Formats a line into the output of an iterator. Linux 5.8. */
#define BPF_SEQ_PRINTF(seq, fmt, ...) ({					\
	static const char ___fmt[] = fmt;					\
	unsigned long long ___args[___bpf_narg(__VA_ARGS__)];			\
	___bpf_fill(___args, ##__VA_ARGS__)					\
	bpf_seq_printf(seq, ___fmt, sizeof(___fmt), ___args, sizeof(___args));	\
})

/* Formats text into a buffer; returns its length with the final NUL. Linux 5.13. */
#define BPF_SNPRINTF(out, out_size, fmt, ...) ({				\
	static const char ___fmt[] = fmt;					\
	unsigned long long ___args[___bpf_narg(__VA_ARGS__)];			\
	___bpf_fill(___args, ##__VA_ARGS__)					\
	bpf_snprintf(out, out_size, ___fmt, ___args, sizeof(___args));		\
})

___bpf_c_begin

/* Numbers from start to end, end not included. Linux 6.4. */
struct bpf_iter_num;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __weak __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __weak __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __weak __ksym;

/* linux/bpf.h of Linux 6.2 and older doesn't have it. */
#if defined(__LINUX_BPF_H__) && !defined(BPF_F_XDP_DEV_BOUND_ONLY)
struct bpf_iter_num {
	__u64 __opaque[1];
} __attribute__((aligned(8)));
#endif

___bpf_c_end

/*
 * A line in the output stream of the program: 1 is its standard output, 2 its standard error. Linux
 * 6.18; the function has another name from 7.0 on.
 */
#define bpf_stream_printk(stream_id, fmt, ...) ({				\
	extern int bpf_stream_vprintk(int stream_id, const char *fmt__str,	\
			const void *args, __u32 len__sz) __weak __ksym;		\
	extern int bpf_stream_vprintk_impl(int stream_id, const char *fmt__str,	\
			const void *args, __u32 len__sz, void *aux__prog) __weak __ksym; \
	static const char ___fmt[] = fmt;					\
	unsigned long long ___args[___bpf_narg(__VA_ARGS__)];			\
	___bpf_fill(___args, ##__VA_ARGS__)					\
	bpf_ksym_exists(bpf_stream_vprintk_impl)				\
		? bpf_stream_vprintk_impl(stream_id, ___fmt, ___args, sizeof(___args), NULL) \
		: bpf_stream_vprintk(stream_id, ___fmt, ___args, sizeof(___args)); \
})

/*
 * An iterator of the kernel that ends with the loop, however that is left. The pointer is there to
 * call bpf_iter_TYPE_new in a declaration. Clang writes BTF for a function that is named, not for
 * one in a cleanup attribute.
 */
#define ___bpf_iterator(type, ...)						\
	struct bpf_iter_##type ___it						\
		__attribute__((aligned(8), cleanup(bpf_iter_##type##_destroy))),	\
	*___begin __attribute__((unused)) = (struct bpf_iter_##type *)(		\
		bpf_iter_##type##_new(&___it, ##__VA_ARGS__),			\
		(void)bpf_iter_##type##_destroy, (void *)0)

/*
 * bpf_for_each(task, t, NULL, BPF_TASK_ITER_ALL_PROCS) { ... } runs its body for everything that
 * the kernel's iterator bpf_iter_task yields, as a pointer. break, continue and return do what they
 * do in any loop.
 */
#ifndef bpf_for_each
#define bpf_for_each(type, cur, ...)						\
	for (___bpf_iterator(type, ##__VA_ARGS__); ((cur) = bpf_iter_##type##_next(&___it));)
#endif

/*
 * bpf_for(i, 0, n) { ... } counts as for (i = 0; i < n; i++) does, in as many steps as need be: the
 * verifier follows the body once. It knows that i is within the bounds, which are evaluated in each
 * step.
 */
#ifndef bpf_for
#define bpf_for(i, start, end)							\
	for (___bpf_iterator(num, (start), (end)); ({				\
		int *___next = bpf_iter_num_next(&___it);			\
		(___next && ((i) = *___next, (i) >= (start) && (i) < (end)));	\
	});)
#endif

/* bpf_repeat(n) { ... } runs its body n times. */
#ifndef bpf_repeat
#define bpf_repeat(n) for (___bpf_iterator(num, 0, (n)); bpf_iter_num_next(&___it);)
#endif

#endif
