// The program of the two-object CO-RE test: it copies its context, which has the layout of two_kernel.c's types, to the stack
// and reads it through its own, different, idea of these types. What it found goes to the context behind the image.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "two.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#include <bpf/bpf_core_read.h>

enum color { RED = 1, BLUE = 2, GREEN = 3, MINUS = -1 };
enum big { BIG_A = 0x1111111122222222ULL };
enum grown { GROWN_LARGE = 5 };

struct pair {
	u32 right;
	u32 left;
};

struct cred {
	u32 uid;
};

struct task;
typedef int (*callback_t)(struct task *t, u64 flags);

enum color___some { BLUE___some, RED___some };

struct matched___mine {
	enum color___some color;
	char first;
	const char *name;
	struct pair *link;
};

struct mismatched {
	u64 n;
};

struct choice {
	u32 a;
};

struct absent {
	u32 a;
};

struct task {
	s32 pid;
	u32 widened;
	u64 narrowed;
	void *pointer;
	s32 signed_widened;
	s8 comm[16];
	struct pair pairs[4];
	u16 grid[2][4];
	u32 unnamed;
	struct {
		u64 pad;
		u32 unnamed_here;
	};
	struct cred cred;
	u64 bits_unsigned : 5;
	s32 bits_signed : 9;
	u32 bits_crossing : 3;
	u32 bits_to_int : 4;
	u32 int_to_bits;
	u32 gone;
	u64 wrong_type;
	u32 flexible[];
};

struct task___old {
	u32 old_field;
};

struct task___new {
	u32 new_field;
};
#pragma clang attribute pop

#define IMAGE 512

#define out(i, v) (((volatile u64 *)ctx)[IMAGE / 8 + (i)] = (u64)(v))

SEC("syscall")
int two(void *ctx)
{
	u64 copy[48];
	struct task *t = (void *)copy;
	struct task___old *old = (void *)copy;
	struct task___new *new = (void *)copy;

#pragma clang loop unroll(full)
	for (int i = 0; i < 48; i++)
		copy[i] = ((volatile u64 *)ctx)[i];
	asm volatile("" : "+r"(t), "+r"(old), "+r"(new) : : "memory");

	out(PID, t->pid);
	out(WIDENED, t->widened);
	out(NARROWED, t->narrowed);
	out(POINTER, t->pointer);
	if (bpf_core_field_size(t->signed_widened) == sizeof(s32))
		out(SIGNED_WIDENED, t->signed_widened);
	else
		out(SIGNED_WIDENED, bpf_core_field_size(t->signed_widened));
	out(ARRAY_ELEMENT, t->comm[7]);
	out(ARRAY_FIRST, *t->comm);
	out(ARRAY_OF_STRUCTS, t->pairs[2].right);
	out(ARRAY_OF_ARRAYS, t->grid[1][2]);
	out(FLEXIBLE, t->flexible[2]);
	out(UNNAMED, t->unnamed);
	out(UNNAMED_HERE, t->unnamed_here);
	out(NESTED, t->cred.uid);
	out(BITS_UNSIGNED, BPF_CORE_READ_BITFIELD(t, bits_unsigned));
	out(BITS_SIGNED, BPF_CORE_READ_BITFIELD(t, bits_signed));
	out(BITS_CROSSING, BPF_CORE_READ_BITFIELD(t, bits_crossing));
	out(BITS_TO_INT, BPF_CORE_READ_BITFIELD(t, bits_to_int));
	out(INT_TO_BITS, BPF_CORE_READ_BITFIELD(t, int_to_bits));
	out(FLAVOUR_OLD, bpf_core_field_exists(old->old_field) ? old->old_field : 0);
	out(FLAVOUR_NEW, bpf_core_field_exists(new->new_field) ? new->new_field : 0);
	out(EXISTS_YES, bpf_core_field_exists(t->pid));
	out(EXISTS_NO, bpf_core_field_exists(t->gone));
	out(EXISTS_WRONG_TYPE, bpf_core_field_exists(t->wrong_type));
	out(SIZE_ARRAY, bpf_core_field_size(t->comm));
	out(SIZE_FIELD, bpf_core_field_size(t->narrowed));
	out(SIGNED_YES, __builtin_preserve_field_info(t->pid, BPF_FIELD_SIGNED));
	out(SIGNED_NO, __builtin_preserve_field_info(t->int_to_bits, BPF_FIELD_SIGNED));
	out(TYPE_EXISTS_YES, bpf_core_type_exists(struct task));
	out(TYPE_EXISTS_NO, bpf_core_type_exists(struct absent));
	out(TYPE_EXISTS_WRONG_KIND, bpf_core_type_exists(struct choice));
	out(TYPE_SIZE, bpf_core_type_size(struct pair));
	out(TYPE_SIZE_MISSING, bpf_core_type_size(struct absent));
	out(TYPE_ID_MISSING, bpf_core_type_id_kernel(struct absent));
	out(TYPE_MATCHES_YES, bpf_core_type_matches(struct matched___mine));
	out(TYPE_MATCHES_NO, bpf_core_type_matches(struct mismatched));
	out(TYPE_MATCHES_PROTO, bpf_core_type_matches(callback_t));
	out(ENUM_VALUE, bpf_core_enum_value(enum color, RED));
	out(ENUM_NEGATIVE, bpf_core_enum_value(enum color, MINUS));
	out(ENUM_EXISTS_YES, bpf_core_enum_value_exists(enum color, BLUE));
	out(ENUM_EXISTS_NO, bpf_core_enum_value_exists(enum color, GREEN));
	out(ENUM64_VALUE, bpf_core_enum_value(enum big, BIG_A));
	out(ENUM_BECAME_ENUM64, bpf_core_enum_value(enum grown, GROWN_LARGE));
	out(MISSING_GUARDED, bpf_core_field_exists(t->gone) ? t->gone : 77);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
