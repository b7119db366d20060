/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/* purebpf header: "bpf headers" writes it. */
#ifndef __BPF_CORE_READ_H__
#define __BPF_CORE_READ_H__

/*
 * CO-RE: what a program asks of the types of the kernel that it will run on. The compiler writes
 * down each question with the answer for the headers at hand, and the loader puts the kernel's
 * answer in its place. Needs BTF (clang -g).
 */

#include "bpf_helpers.h"

/* Numbers that compiler and loader agree on. */
enum bpf_field_info_kind {
	BPF_FIELD_BYTE_OFFSET = 0,
	BPF_FIELD_BYTE_SIZE = 1,
	BPF_FIELD_EXISTS = 2,
	BPF_FIELD_SIGNED = 3,
	BPF_FIELD_LSHIFT_U64 = 4,
	BPF_FIELD_RSHIFT_U64 = 5,
};

enum bpf_type_id_kind {
	BPF_TYPE_ID_LOCAL = 0,
	BPF_TYPE_ID_TARGET = 1,
};

enum bpf_type_info_kind {
	BPF_TYPE_EXISTS = 0,
	BPF_TYPE_SIZE = 1,
	BPF_TYPE_MATCHES = 2,
};

enum bpf_enum_value_kind {
	BPF_ENUMVAL_EXISTS = 0,
	BPF_ENUMVAL_VALUE = 1,
};

/* Clang takes the thing itself, GCC its address or a pointer whose type it can't fold. */
#ifdef __clang__
#define ___bpf_typeof(type) ((__typeof__(type) *)0)
#define ___bpf_field_ref1(field) (field)
#define ___bpf_field_ref2(type, field) (___bpf_typeof(type)->field)
#define ___bpf_enumerator(type, value) *(__typeof__(type) *)value
#else
#define ___bpf_typeof(type) ___bpf_extern_of(type, ___bpf_apply(___bpf_type_, __COUNTER__))
#define ___bpf_extern_of(type, name) ({ extern __typeof__(type) *name; name; })
#define ___bpf_field_ref1(field) (&(field))
#define ___bpf_field_ref2(type, field) (&(___bpf_typeof(type)->field))
#define ___bpf_enumerator(type, value) ___bpf_typeof(type), value
#endif
#define ___bpf_field_ref(...) \
	___bpf_apply(___bpf_field_ref, ___bpf_narg(__VA_ARGS__))(__VA_ARGS__)

/*
 * A field, either of an object, bpf_core_field_exists(task->flags), or of a type,
 * bpf_core_field_exists(struct task_struct, flags): whether the kernel has it, how many bytes it
 * has, and where it is.
 */
#define bpf_core_field_exists(...) \
	__builtin_preserve_field_info(___bpf_field_ref(__VA_ARGS__), BPF_FIELD_EXISTS)
#define bpf_core_field_size(...) \
	__builtin_preserve_field_info(___bpf_field_ref(__VA_ARGS__), BPF_FIELD_BYTE_SIZE)
#define bpf_core_field_offset(...) \
	__builtin_preserve_field_info(___bpf_field_ref(__VA_ARGS__), BPF_FIELD_BYTE_OFFSET)

/* A type: its id in the program's BTF and in the kernel's (0 if there is none), whether the kernel
 * has one of its name, one with its fields too, and how many bytes that has (0 if there is none).
 */
#define bpf_core_type_id_local(type) \
	__builtin_btf_type_id(*___bpf_typeof(type), BPF_TYPE_ID_LOCAL)
#define bpf_core_type_id_kernel(type) \
	__builtin_btf_type_id(*___bpf_typeof(type), BPF_TYPE_ID_TARGET)
#define bpf_core_type_exists(type) \
	__builtin_preserve_type_info(*___bpf_typeof(type), BPF_TYPE_EXISTS)
#define bpf_core_type_matches(type) \
	__builtin_preserve_type_info(*___bpf_typeof(type), BPF_TYPE_MATCHES)
#define bpf_core_type_size(type) \
	__builtin_preserve_type_info(*___bpf_typeof(type), BPF_TYPE_SIZE)

/* An enumerator: whether the kernel has it, and its value there (0 if not). */
#define bpf_core_enum_value_exists(enum_type, enum_value) \
	__builtin_preserve_enum_value(___bpf_enumerator(enum_type, enum_value), BPF_ENUMVAL_EXISTS)
#define bpf_core_enum_value(enum_type, enum_value) \
	__builtin_preserve_enum_value(___bpf_enumerator(enum_type, enum_value), BPF_ENUMVAL_VALUE)

___bpf_c_begin
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
___bpf_c_end

/* A pointer as one to a type of the kernel, whose fields can then be read directly. Linux 6.2. */
#define bpf_core_cast(ptr, type) \
	((__typeof__(type) *)bpf_rdonly_cast((ptr), bpf_core_type_id_kernel(type)))

/* bpf_probe_read_* with an address whose field offsets are relocated: &task->comm. */
#define ___bpf_core_address(src) ((const void *)__builtin_preserve_access_index(src))
#define bpf_core_read(dst, sz, src) bpf_probe_read_kernel(dst, sz, ___bpf_core_address(src))
#define bpf_core_read_user(dst, sz, src) bpf_probe_read_user(dst, sz, ___bpf_core_address(src))
#define bpf_core_read_str(dst, sz, src) \
	bpf_probe_read_kernel_str(dst, sz, ___bpf_core_address(src))
#define bpf_core_read_user_str(dst, sz, src) \
	bpf_probe_read_user_str(dst, sz, ___bpf_core_address(src))

/* The type of an expression, without const and volatile where the compiler can leave them out. */
#if (defined(__clang__) && __clang_major__ >= 19) || (!defined(__clang__) && __GNUC__ >= 14)
#define ___bpf_unqual(...) __typeof_unqual__(__VA_ARGS__)
#else
#define ___bpf_unqual(...) __typeof__(__VA_ARGS__)
#endif

/* As ___bpf_apply, which can be under way when a chain comes: the registers of BPF_KSYSCALL. */
#define ___bpf_core_concat(a, b) a ## b
#define ___bpf_core_apply(fn, n) ___bpf_core_concat(fn, n)
#define ___bpf_core_nth(_1, _2, _3, _4, _5, _6, _7, _8, _9, N, ...) N
#define ___bpf_core_narg(...) ___bpf_core_nth(__VA_ARGS__, 9, 8, 7, 6, 5, 4, 3, 2, 1)

/* path->a->b->c: the last field of a chain, of which at most nine follow the start. */
#define ___bpf_path1(path, a) path->a
#define ___bpf_path2(path, a, ...) ___bpf_path1(path->a, __VA_ARGS__)
#define ___bpf_path3(path, a, ...) ___bpf_path2(path->a, __VA_ARGS__)
#define ___bpf_path4(path, a, ...) ___bpf_path3(path->a, __VA_ARGS__)
#define ___bpf_path5(path, a, ...) ___bpf_path4(path->a, __VA_ARGS__)
#define ___bpf_path6(path, a, ...) ___bpf_path5(path->a, __VA_ARGS__)
#define ___bpf_path7(path, a, ...) ___bpf_path6(path->a, __VA_ARGS__)
#define ___bpf_path8(path, a, ...) ___bpf_path7(path->a, __VA_ARGS__)
#define ___bpf_path9(path, a, ...) ___bpf_path8(path->a, __VA_ARGS__)
#define ___bpf_path(src, ...) \
	___bpf_core_apply(___bpf_path, ___bpf_core_narg(__VA_ARGS__))((src), __VA_ARGS__)

/*
 * A chain is read step by step: step reads each pointer but the first into ___at, last reads the
 * final field into dst. The pointer at hand has the type of the path that led to it.
 */
#define ___bpf_read_field(read, dst, path, from, field) \
	read((void *)(dst), sizeof(*(dst)), &((___bpf_unqual(path))(from))->field);
#define ___bpf_walk1(last, step, dst, path, from, a) ___bpf_read_field(last, dst, path, from, a)
#define ___bpf_walk2(last, step, dst, path, from, a, ...) \
	___bpf_read_field(step, &___at, path, from, a) \
	___bpf_walk1(last, step, dst, path->a, ___at, __VA_ARGS__)
#define ___bpf_walk3(last, step, dst, path, from, a, ...) \
	___bpf_read_field(step, &___at, path, from, a) \
	___bpf_walk2(last, step, dst, path->a, ___at, __VA_ARGS__)
#define ___bpf_walk4(last, step, dst, path, from, a, ...) \
	___bpf_read_field(step, &___at, path, from, a) \
	___bpf_walk3(last, step, dst, path->a, ___at, __VA_ARGS__)
#define ___bpf_walk5(last, step, dst, path, from, a, ...) \
	___bpf_read_field(step, &___at, path, from, a) \
	___bpf_walk4(last, step, dst, path->a, ___at, __VA_ARGS__)
#define ___bpf_walk6(last, step, dst, path, from, a, ...) \
	___bpf_read_field(step, &___at, path, from, a) \
	___bpf_walk5(last, step, dst, path->a, ___at, __VA_ARGS__)
#define ___bpf_walk7(last, step, dst, path, from, a, ...) \
	___bpf_read_field(step, &___at, path, from, a) \
	___bpf_walk6(last, step, dst, path->a, ___at, __VA_ARGS__)
#define ___bpf_walk8(last, step, dst, path, from, a, ...) \
	___bpf_read_field(step, &___at, path, from, a) \
	___bpf_walk7(last, step, dst, path->a, ___at, __VA_ARGS__)
#define ___bpf_walk9(last, step, dst, path, from, a, ...) \
	___bpf_read_field(step, &___at, path, from, a) \
	___bpf_walk8(last, step, dst, path->a, ___at, __VA_ARGS__)
#define ___bpf_walk(last, step, dst, src, ...) ({				\
	const void *___at __attribute__((unused));				\
	___bpf_core_apply(___bpf_walk, ___bpf_core_narg(__VA_ARGS__))		\
		(last, step, dst, src, src, __VA_ARGS__)			\
})

/*
 * BPF_CORE_READ(task, mm, exe_file, f_inode, i_ino) is task->mm->exe_file->f_inode->i_ino, each
 * step of it read with bpf_core_read. A step may go through structs within structs: f_path.dentry.
 * What can't be read is 0. _INTO reads into a variable and returns the last read's error; _STR_INTO
 * reads a string into an array.
 *
 * With _USER the memory is that of the current process, and the types the kernel's all the same;
 * with BPF_PROBE_READ nothing is relocated, and any types will do.
 */
#define BPF_CORE_READ_INTO(dst, src, a, ...) \
	___bpf_walk(bpf_core_read, bpf_core_read, dst, (src), a, ##__VA_ARGS__)
#define BPF_CORE_READ_STR_INTO(dst, src, a, ...) \
	___bpf_walk(bpf_core_read_str, bpf_core_read, dst, (src), a, ##__VA_ARGS__)
#define BPF_CORE_READ_USER_INTO(dst, src, a, ...) \
	___bpf_walk(bpf_core_read_user, bpf_core_read_user, dst, (src), a, ##__VA_ARGS__)
#define BPF_CORE_READ_USER_STR_INTO(dst, src, a, ...) \
	___bpf_walk(bpf_core_read_user_str, bpf_core_read_user, dst, (src), a, ##__VA_ARGS__)
#define BPF_PROBE_READ_INTO(dst, src, a, ...) \
	___bpf_walk(bpf_probe_read_kernel, bpf_probe_read_kernel, dst, (src), a, ##__VA_ARGS__)
#define BPF_PROBE_READ_STR_INTO(dst, src, a, ...) \
	___bpf_walk(bpf_probe_read_kernel_str, bpf_probe_read_kernel, dst, (src), a, ##__VA_ARGS__)
#define BPF_PROBE_READ_USER_INTO(dst, src, a, ...) \
	___bpf_walk(bpf_probe_read_user, bpf_probe_read_user, dst, (src), a, ##__VA_ARGS__)
#define BPF_PROBE_READ_USER_STR_INTO(dst, src, a, ...) \
	___bpf_walk(bpf_probe_read_user_str, bpf_probe_read_user, dst, (src), a, ##__VA_ARGS__)

#define ___bpf_value(into, src, ...) ({						\
	___bpf_unqual(___bpf_path(src, __VA_ARGS__)) ___value;			\
	into(&___value, src, __VA_ARGS__);					\
	___value;								\
})
#define BPF_CORE_READ(src, a, ...) ___bpf_value(BPF_CORE_READ_INTO, src, a, ##__VA_ARGS__)
#define BPF_CORE_READ_USER(src, a, ...) ___bpf_value(BPF_CORE_READ_USER_INTO, src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ(src, a, ...) ___bpf_value(BPF_PROBE_READ_INTO, src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ_USER(src, a, ...) \
	___bpf_value(BPF_PROBE_READ_USER_INTO, src, a, ##__VA_ARGS__)

/*
 * Bit-fields have no address. Size and offset of what holds one are the kernel's, and the two
 * shifts bring its bits to the top of 64 bits and down from there, with their sign.
 */
#define __CORE_RELO(src, field, info) \
	__builtin_preserve_field_info((src)->field, BPF_FIELD_##info)

#define ___bpf_bits(src, field, val)						\
	val <<= __CORE_RELO(src, field, LSHIFT_U64);				\
	if (__CORE_RELO(src, field, SIGNED))					\
		val = ((long long)val) >> __CORE_RELO(src, field, RSHIFT_U64);	\
	else									\
		val = val >> __CORE_RELO(src, field, RSHIFT_U64);

/* The shifts are meant for a number that lies in the low bytes of the 64 bits. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ___bpf_low_bytes(val, size) ((char *)(val))
#else
#define ___bpf_low_bytes(val, size) ((char *)(val) + (8 - (size)))
#endif
#define __CORE_BITFIELD_PROBE_READ(dst, src, field)				\
	bpf_probe_read_kernel(							\
		___bpf_low_bytes(dst, __CORE_RELO(src, field, BYTE_SIZE)),	\
		__CORE_RELO(src, field, BYTE_SIZE),				\
		(const char *)src + __CORE_RELO(src, field, BYTE_OFFSET))

/* The value of a bit-field, or of any field of up to eight bytes, read as bpf_core_read does. */
#define BPF_CORE_READ_BITFIELD_PROBED(src, field) ({				\
	unsigned long long ___val = 0;						\
	__CORE_BITFIELD_PROBE_READ(&___val, src, field);			\
	___bpf_bits(src, field, ___val)						\
	___val;									\
})

/*
 * The same in programs that may read the kernel's memory directly: fentry, tp_btf and the like. The
 * empty assembly has the compiler compute the address once and not once for each size.
 */
#define BPF_CORE_READ_BITFIELD(src, field) ({					\
	const void *___p = (const char *)src + __CORE_RELO(src, field, BYTE_OFFSET); \
	unsigned long long ___val;						\
	barrier_var(___p);							\
	switch (__CORE_RELO(src, field, BYTE_SIZE)) {				\
	case 1: ___val = *(const unsigned char *)___p; break;			\
	case 2: ___val = *(const unsigned short *)___p; break;			\
	case 4: ___val = *(const unsigned int *)___p; break;			\
	case 8: ___val = *(const unsigned long long *)___p; break;		\
	default: ___val = 0; break;						\
	}									\
	___bpf_bits(src, field, ___val)						\
	___val;									\
})

/* Sets a bit-field of memory that the program may write to, and leaves its neighbours alone. */
#define BPF_CORE_WRITE_BITFIELD(src, field, new_val) ({				\
	void *___p = (char *)src + __CORE_RELO(src, field, BYTE_OFFSET);	\
	unsigned int ___size = __CORE_RELO(src, field, BYTE_SIZE);		\
	unsigned int ___left = __CORE_RELO(src, field, LSHIFT_U64);		\
	unsigned int ___right = __CORE_RELO(src, field, RSHIFT_U64);		\
	unsigned long long ___mask, ___val, ___new = new_val;			\
	unsigned int ___up = ___right - ___left;				\
	barrier_var(___p);							\
	switch (___size) {							\
	case 1: ___val = *(unsigned char *)___p; break;				\
	case 2: ___val = *(unsigned short *)___p; break;			\
	case 4: ___val = *(unsigned int *)___p; break;				\
	case 8: ___val = *(unsigned long long *)___p; break;			\
	}									\
	___mask = (~0ULL << ___right) >> ___left;				\
	___val = (___val & ~___mask) | ((___new << ___up) & ___mask);		\
	switch (___size) {							\
	case 1: *(unsigned char *)___p = ___val; break;				\
	case 2: *(unsigned short *)___p = ___val; break;			\
	case 4: *(unsigned int *)___p = ___val; break;				\
	case 8: *(unsigned long long *)___p = ___val; break;			\
	}									\
})

#endif
