/* Exceptions: a callback that nothing calls but that calls others, and a program without. */
#include "defs.h"

#define __exception_cb(name) __attribute__((btf_decl_tag("exception_callback:" #name)))
extern void bpf_throw(__u64 cookie) __ksym;

__noinline int helper(__u64 cookie) { return cookie + 3; }
__noinline int callback(__u64 cookie) { return helper(cookie) + 1; }
static __noinline int thrower(int n) { if (n) bpf_throw(n); return n; }

SEC("tc") __exception_cb(callback) int do_with_callback(struct __sk_buff *ctx) { return thrower(ctx->len); }
SEC("tc") int do_without(struct __sk_buff *ctx) { return thrower(ctx->len); }
