/* Objects that a program allocates, in a list and a tree: types by their id in the object's own BTF, tags that the kernel reads. */
#include "defs.h"

#define __contains(type, node) __attribute__((btf_decl_tag("contains:" #type ":" #node)))
#define __kptr __attribute__((btf_type_tag("kptr")))
#define private(name) SEC(".bss." #name) __hidden __attribute__((aligned(8)))
#define container(p, type, member) ((type *)((void *)(p) - __builtin_offsetof(type, member)))

struct bpf_list_head { __u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_list_node { __u64 opaque[3]; } __attribute__((aligned(8)));
struct bpf_rb_root { __u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_rb_node { __u64 opaque[4]; } __attribute__((aligned(8)));

extern void *bpf_obj_new_impl(__u64 local_type_id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *kptr, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, __u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *head) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node, bool(less)(struct bpf_rb_node *, const struct bpf_rb_node *),
			       void *meta, __u64 off) __ksym;

struct item { int n; struct bpf_list_node list; };
struct leaf { long key; struct bpf_rb_node node; };
struct slot { struct item __kptr *kept; };

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, struct slot); } slots SEC(".maps");
private(A) struct bpf_spin_lock list_lock;
private(A) struct bpf_list_head head __contains(item, list);
private(B) struct bpf_spin_lock tree_lock;
private(B) struct bpf_rb_root root __contains(leaf, node);

static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container(a, struct leaf, node)->key < container(b, struct leaf, node)->key;
}

SEC("tc") int do_list(struct __sk_buff *ctx)
{
	struct item *item = bpf_obj_new_impl(__builtin_btf_type_id(*(struct item *)0, 0), 0);
	struct bpf_list_node *node;

	if (!item)
		return 0;
	item->n = 3;
	bpf_spin_lock(&list_lock);
	bpf_list_push_front_impl(&head, &item->list, 0, 0);
	node = bpf_list_pop_back(&head);
	bpf_spin_unlock(&list_lock);
	if (node)
		bpf_obj_drop_impl(container(node, struct item, list), 0);
	return 1;
}
SEC("tc") int do_tree(struct __sk_buff *ctx)
{
	struct leaf *leaf = bpf_obj_new_impl(__builtin_btf_type_id(*(struct leaf *)0, 0), 0);

	if (!leaf)
		return 0;
	leaf->key = ctx->len;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add_impl(&root, &leaf->node, less, 0, 0);
	bpf_spin_unlock(&tree_lock);
	return 1;
}
SEC("tc") int do_keep(struct __sk_buff *ctx)
{
	int key = 0;
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct item *item = slot ? bpf_obj_new_impl(__builtin_btf_type_id(*(struct item *)0, 0), 0) : 0;

	if (item)
		item = bpf_kptr_xchg(&slot->kept, item);
	if (item)
		bpf_obj_drop_impl(item, 0);
	return 0;
}
