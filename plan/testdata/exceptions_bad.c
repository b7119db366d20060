/* Exception callbacks that kernels refuse: called directly, and two for one program. */
#include "defs.h"

#define __exception_cb(name) __attribute__((btf_decl_tag("exception_callback:" #name)))
extern void bpf_throw(__u64 cookie) __ksym;

__noinline int callback(__u64 cookie) { return cookie + 1; }
__noinline int other(__u64 cookie) { return cookie; }
static __noinline int thrower(int n) { if (n) bpf_throw(n); return n; }

SEC("tc") __exception_cb(other) int do_calls_it_too(struct __sk_buff *ctx) { return thrower(ctx->len) + other(3); }
SEC("tc") __exception_cb(callback) __exception_cb(other) int do_two_callbacks(struct __sk_buff *ctx) { return thrower(ctx->len); }
