/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/* purebpf header: "bpf headers" writes it. */
#ifndef __BPF_ARENA_H__
#define __BPF_ARENA_H__

/*
 * Arenas: memory that a program and user space share, with pointers that both can follow. Linux
 * 6.9. A program defines a map named arena, with a number of pages as max_entries, and globals in
 * it as __arena_global. What a list or a tree is made of is __arena. The same header, included by a
 * program of user space, leaves the attributes away.
 */

#ifdef __bpf__

#include "bpf_helpers.h"

/*
 * A pointer into an arena has an address space of its own. It is kept as user space knows it and
 * turned into the kernel's address for an access: by the compiler (clang 19 with -mcpu=v3 or
 * newer), or, with an older one, by cast_kern before an access and cast_user before storing it.
 */
#if defined(__BPF_FEATURE_ADDR_SPACE_CAST) && !defined(BPF_ARENA_FORCE_ASM)
#define __arena __attribute__((address_space(1)))
#define __arena_global __attribute__((address_space(1)))
#define cast_kern(ptr)
#define cast_user(ptr)
#else
#define __arena
#define __arena_global SEC(".addr_space.1")
#define cast_kern(ptr) bpf_addr_space_cast(ptr, 0, 1)
#define cast_user(ptr) bpf_addr_space_cast(ptr, 1, 0)
#endif

/* The instruction for it, by its bytes: older assemblers don't know it. A move with offset 1. */
#ifndef bpf_addr_space_cast
#define bpf_addr_space_cast(var, dst_as, src_as)				\
	__asm__ volatile(".byte 0xbf\n"						\
			 ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n"		\
			 ".ifc %0, r\\n\n .byte 0x\\n\\n\n .endif\n"		\
			 ".endr\n"						\
			 ".short 1\n .long %1\n"				\
			 : "+r"(var)						\
			 : "i"(((dst_as) << 16) | (src_as)))
#endif

/* vmlinux.h has the size of the kernel's pages as an enumerator. */
#ifndef PAGE_SIZE
#define PAGE_SIZE __PAGE_SIZE
#endif

___bpf_c_begin
/*
 * Pages for an arena, at addr or wherever there is room; NULL if there is none. Freed pages fault
 * in user space and read as 0 in programs. Reserved pages are left out when room is looked for
 * (Linux 6.17).
 */
void __arena *bpf_arena_alloc_pages(void *map, void __arena *addr, __u32 page_cnt, int node_id,
				    __u64 flags) __ksym __weak;
int bpf_arena_reserve_pages(void *map, void __arena *addr, __u32 page_cnt) __ksym __weak;
void bpf_arena_free_pages(void *map, void __arena *ptr, __u32 page_cnt) __ksym __weak;
___bpf_c_end

/* Ends a loop that the verifier can't see the end of: always true, until the kernel loses patience.
 * Linux 6.9.
 */
#ifndef can_loop
#ifdef __BPF_FEATURE_MAY_GOTO
#define ___bpf_may_goto "may_goto %l[___stop]"
#elif __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ___bpf_may_goto \
	"1: .byte 0xe5; .byte 0; .long ((%l[___stop] - 1b - 8) / 8) & 0xffff; .short 0"
#else
#define ___bpf_may_goto \
	"1: .byte 0xe5; .byte 0; .long (((%l[___stop] - 1b - 8) / 8) & 0xffff) << 16; .short 0"
#endif
#define can_loop ({								\
	__label__ ___stop, ___on;						\
	bool ___more = true;							\
	__asm__ goto(___bpf_may_goto : : : : ___stop);				\
	goto ___on;								\
___stop:									\
	___more = false;							\
___on:										\
	___more;								\
})
#endif

#else /* user space */

#define __arena
#define __arena_global
#ifndef __arg_arena
#define __arg_arena
#endif
#define cast_kern(ptr)
#define cast_user(ptr)
#ifndef can_loop
#define can_loop 1
#endif
#ifndef offsetof
#define offsetof(type, member) ((unsigned long)&((type *)0)->member)
#endif

#endif

#ifndef NUMA_NO_NODE
#define NUMA_NO_NODE (-1)
#endif

/* A single access, which the compiler neither splits nor leaves out: the other side may look. */
#ifndef READ_ONCE
#define READ_ONCE(x) (*(volatile __typeof__(x) *)&(x))
#endif
#ifndef WRITE_ONCE
#define WRITE_ONCE(x, val) ((*(volatile __typeof__(x) *)&(x)) = (val))
#endif

#ifndef arena_container_of
#define arena_container_of(ptr, type, member) ({				\
	char __arena *___member = (char __arena *)(ptr);			\
	(type *)(___member - offsetof(type, member));				\
})
#endif

/*
 * A list in an arena. A node is a member of what is listed; pprev points to the pointer that points
 * to it, so that it can be taken out without looking for it. Programs that run at the same time
 * need a lock.
 */
struct arena_list_node;
typedef struct arena_list_node __arena arena_list_node_t;
struct arena_list_node {
	arena_list_node_t *next;
	arena_list_node_t *__arena *pprev;
};

struct arena_list_head {
	struct arena_list_node __arena *first;
};
typedef struct arena_list_head __arena arena_list_head_t;

#define list_entry(ptr, type, member) arena_container_of(ptr, type, member)
#define list_entry_safe(ptr, type, member) ({					\
	__typeof__(*(ptr)) *___node = (ptr);					\
	___node ? ({ cast_kern(___node); list_entry(___node, type, member); }) : NULL; \
})

/* Goes through a list; the body may take its entry out. */
#define list_for_each_entry(pos, head, member)					\
	for (void *___after = (pos = list_entry_safe((head)->first,		\
						     __typeof__(*(pos)), member), (void *)0); \
	     pos && ({ ___after = (void *)pos->member.next; 1; }) && can_loop;	\
	     pos = list_entry_safe((arena_list_node_t *)___after,		\
				   __typeof__(*(pos)), member))

static inline void list_add_head(arena_list_node_t *n, arena_list_head_t *h)
{
	arena_list_node_t *first = h->first, *__arena *link;

	cast_user(first);
	cast_kern(n);
	WRITE_ONCE(n->next, first);
	cast_kern(first);
	if (first) {
		link = &n->next;
		cast_user(link);
		WRITE_ONCE(first->pprev, link);
	}
	cast_user(n);
	WRITE_ONCE(h->first, n);

	link = &h->first;
	cast_user(link);
	cast_kern(n);
	WRITE_ONCE(n->pprev, link);
}

/* What a node points to that was taken out: addresses that no page has. */
#define LIST_POISON1 ((arena_list_node_t *)0x100)
#define LIST_POISON2 ((arena_list_node_t *__arena *)0x122)

static inline void list_del(arena_list_node_t *n)
{
	arena_list_node_t *next, *__arena *pprev;

	cast_kern(n);
	next = n->next;
	pprev = n->pprev;
	cast_kern(pprev);
	WRITE_ONCE(*pprev, next);
	if (next) {
		cast_user(pprev);
		cast_kern(next);
		WRITE_ONCE(next->pprev, pprev);
	}
	n->next = LIST_POISON1;
	n->pprev = LIST_POISON2;
}

#endif
