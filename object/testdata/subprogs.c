/* Functions: global, static, weak, hidden, recursion through callbacks. */
#include "defs.h"

__noinline __weak int weak_sub(int a) { return a * 3; }
__noinline int global_sub(int a) { return a + weak_sub(a); }
__noinline __hidden int hidden_sub(int a) { return a * 5 + global_sub(a); }
static __noinline int static_sub(int a) { return a ^ hidden_sub(a + 1); }
static int callback(__u32 i, void *ctx) { *(int *)ctx += static_sub(i); return 0; }
__noinline int global_callback(__u32 i, void *ctx) { return 0; }

SEC("socket") int one(void *ctx)
{
	int n = 0;

	bpf_loop(10, callback, &n, 0);
	bpf_loop(10, global_callback, &n, 0);
	return n + static_sub(2);
}
SEC("socket") int two(void *ctx) { return global_sub(3); }
SEC("xdp") __hidden int three(void *ctx) { return static_sub(3) + hidden_sub(7); }
