/* Linked with weak.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int shared = 2;
static volatile int mine = 6;
int other = 3;

__noinline int sub(int a) { return a + other; }
SEC("socket") int user_too(void *ctx) { return sub(1) + shared + mine; }
