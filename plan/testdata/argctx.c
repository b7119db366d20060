/* Global functions that take the context of whoever calls them. */
#include "defs.h"
#include <linux/ptrace.h>

#define __ctx __attribute__((btf_decl_tag("arg:ctx")))

struct bpf_raw_tracepoint_args;

__noinline __weak int any(void *ctx __ctx, int n) { return n + bpf_get_smp_processor_id(); }
__noinline int both(void *a __ctx, void *b __ctx) { return a == b ? any(a, 1) : any(b, 2); }
__noinline int regs(struct pt_regs *ctx __ctx) { return ctx ? any(ctx, 3) : 0; }
__noinline int words(__u64 *ctx __ctx) { return ctx ? any(ctx, 4) : 0; }
__noinline int packet(struct __sk_buff *ctx __ctx) { return ctx ? any(ctx, 5) : 0; }
__noinline int named(struct xdp_md *ctx __ctx) { return ctx ? any(ctx, 11) : 0; }
__noinline int unused(void *ctx __ctx) { return 3; }
static __noinline int local(void *ctx __ctx) { return any(ctx, 6); }

SEC("kprobe") int do_kprobe(void *ctx) { return both(ctx, ctx) + regs(ctx) + local(ctx); }
SEC("xdp") int do_xdp(struct xdp_md *ctx) { return both(ctx, ctx) + named(ctx); }
SEC("tc") int do_tc(struct __sk_buff *ctx) { return any(ctx, 7) + packet(ctx); }
SEC("raw_tp/sys_enter") int do_raw(void *ctx) { return words(ctx) + any(ctx, 8); }
SEC("perf_event") int do_perf(void *ctx) { return regs(ctx) + any(ctx, 9); }
SEC("tracepoint/syscalls/sys_enter_getpid") int do_tracepoint(void *ctx) { return any(ctx, 10); }
SEC("?xdp") int do_off(struct xdp_md *ctx) { return unused(ctx); }
