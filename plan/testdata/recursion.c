/* Calls in circles. Kernels refuse them, linking must come to an end. */
#include "defs.h"

__noinline int recursive(int n) { return n > 0 ? recursive(n - 1) + 1 : 0; }
__noinline int pong(int n);
__noinline int ping(int n) { return n > 0 ? pong(n - 1) : 1; }
__noinline int pong(int n) { return n > 0 ? ping(n - 1) : 2; }

SEC("socket") int do_one(void *ctx) { return recursive(3); }
SEC("socket") int do_two(void *ctx) { return ping(5) + pong(6); }
