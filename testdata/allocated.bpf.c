// SPDX-License-Identifier: BSD-2-Clause
// Objects that a program allocates and keeps in a list, a tree and a map; exceptions.
// clang -O2 -g -target bpf -mcpu=v3 -fdebug-compilation-dir=. -c allocated.bpf.c -o allocated.bpf.o
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#define __contains(type, node) __attribute__((btf_decl_tag("contains:" #type ":" #node)))
#define __exception_cb(name) __attribute__((btf_decl_tag("exception_callback:" #name)))
#define private(name) SEC(".bss." #name) __hidden __attribute__((aligned(8)))
#define container(p, type, member) ((type *)((void *)(p) - __builtin_offsetof(type, member)))
#define new(type) bpf_obj_new_impl(__builtin_btf_type_id(*(type *)0, 0), 0)

struct bpf_list_head { __u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_list_node { __u64 opaque[3]; } __attribute__((aligned(8)));
struct bpf_rb_root { __u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_rb_node { __u64 opaque[4]; } __attribute__((aligned(8)));

extern void *bpf_obj_new_impl(__u64 local_type_id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *kptr, void *meta) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, __u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			       bool(less)(struct bpf_rb_node *, const struct bpf_rb_node *), void *meta, __u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;
extern void bpf_throw(__u64 cookie) __ksym;

struct item { __u32 n; struct bpf_list_node node; };
struct leaf { __u64 key; struct bpf_rb_node node; };
struct slot { struct item __attribute__((btf_type_tag("kptr"))) * kept; };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

private(list) struct bpf_spin_lock list_lock;
private(list) struct bpf_list_head head __contains(item, node);
private(tree) struct bpf_spin_lock tree_lock;
private(tree) struct bpf_rb_root root __contains(leaf, node);

// Appends an item with the packet's length.
SEC("tc")
int list_push(struct __sk_buff *skb)
{
	struct item *item = new (struct item);

	if (!item)
		return -1;
	item->n = skb->len;
	bpf_spin_lock(&list_lock);
	bpf_list_push_back_impl(&head, &item->node, 0, 0);
	bpf_spin_unlock(&list_lock);
	return 0;
}

// Takes the first item and returns its number, 0 if there is none.
SEC("tc")
int list_pop(struct __sk_buff *skb)
{
	struct bpf_list_node *node;
	struct item *item;
	__u32 n;

	bpf_spin_lock(&list_lock);
	node = bpf_list_pop_front(&head);
	bpf_spin_unlock(&list_lock);
	if (!node)
		return 0;
	item = container(node, struct item, node);
	n = item->n;
	bpf_obj_drop_impl(item, 0);
	return n;
}

static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container(a, struct leaf, node)->key < container(b, struct leaf, node)->key;
}

SEC("tc")
int tree_add(struct __sk_buff *skb)
{
	struct leaf *leaf = new (struct leaf);

	if (!leaf)
		return -1;
	leaf->key = skb->len;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add_impl(&root, &leaf->node, less, 0, 0);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

// Removes the leaf with the smallest key and returns that, 0 if there is none.
SEC("tc")
int tree_remove(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;
	struct leaf *leaf;
	__u32 key;

	bpf_spin_lock(&tree_lock);
	node = bpf_rbtree_first(&root);
	if (!node) {
		bpf_spin_unlock(&tree_lock);
		return 0;
	}
	node = bpf_rbtree_remove(&root, node);
	bpf_spin_unlock(&tree_lock);
	if (!node)
		return 0;
	leaf = container(node, struct leaf, node);
	key = leaf->key;
	bpf_obj_drop_impl(leaf, 0);
	return key;
}

// Keeps an item with the packet's length in the map and returns the number of the one that was there.
SEC("tc")
int keep(struct __sk_buff *skb)
{
	__u32 zero = 0, n = 0;
	struct slot *slot = bpf_map_lookup_elem(&slots, &zero);
	struct item *item;

	if (!slot)
		return -1;
	item = new (struct item);
	if (!item)
		return -1;
	item->n = skb->len;
	item = bpf_kptr_xchg(&slot->kept, item);
	if (!item)
		return 0;
	n = item->n;
	bpf_obj_drop_impl(item, 0);
	return n;
}

static __noinline int check(__u64 len)
{
	if (len > 100)
		bpf_throw(len);
	return 1;
}

__noinline int handled(__u64 cookie)
{
	return cookie + 1000;
}

SEC("tc")
__exception_cb(handled)
int throws_handled(struct __sk_buff *skb)
{
	return check(skb->len) + 1;
}

SEC("tc")
int throws(struct __sk_buff *skb)
{
	return check(skb->len) + 1;
}

char LICENSE[] SEC("license") = "GPL";
