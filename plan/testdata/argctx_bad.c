/* Tags that make no sense: on a number, and on a context of another program type. Kernels refuse these. */
#include "defs.h"

#define __ctx __attribute__((btf_decl_tag("arg:ctx")))

__noinline int number(int ctx __ctx) { return ctx + bpf_get_smp_processor_id(); }
__noinline int other(struct xdp_md *ctx __ctx, struct __sk_buff *skb __ctx) { return ctx && skb; }

SEC("tc") int do_number(struct __sk_buff *ctx) { return number(2); }
SEC("tc") int do_other(struct __sk_buff *ctx) { return other(0, ctx); }
