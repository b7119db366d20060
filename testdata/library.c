// SPDX-License-Identifier: BSD-2-Clause
// A shared library with versions of a function, aliases, weak functions and a counter; what is in it the tests compile, strip and run.
// gcc -shared -fPIC -Wl,--version-script=...
int counted_calls;
#define NOINLINE __attribute__((noinline, noipa))

__asm__(".symver versioned_old, versioned@LIB_1.0");
__asm__(".symver versioned_new, versioned@@LIB_2.0");

NOINLINE int versioned_old(void) { return 1; }
NOINLINE int versioned_new(void) { return 2; }
NOINLINE int plain(void) { __asm__ volatile(""); return counted_calls++; }
int plain_alias(void) __attribute__((alias("plain")));
__attribute__((weak)) NOINLINE int plain_weak(void) { __asm__ volatile("nop"); return 4; }
static NOINLINE __attribute__((used)) int inside(void) { __asm__ volatile("nop"); return 5; }
static int pick_first(void) { return 6; }
static int (*pick(void))(void) { return pick_first; }
int picked(void) __attribute__((ifunc("pick")));
int run_all(void) { return versioned_old() + versioned_new() + plain() + plain_weak() + inside(); }
