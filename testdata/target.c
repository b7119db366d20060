// SPDX-License-Identifier: BSD-2-Clause
// A program with functions and USDT probes to attach to. For every line that it reads it runs everything once, and says how often the
// counters that the kernel raises were raised: "done GUARDED COUNTED". Compiled by the tests with <sys/sdt.h>: with gcc, or with clang
// and without a C library for other machines. Probes with operands of our choice are x86-64's.
#if __STDC_HOSTED__
#include <unistd.h>
#else
#include "freestanding.h"
#endif
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noipa))
#endif
#define SEMAPHORE(name) __extension__ unsigned short volatile name __attribute__((section(".probes"), used))

SEMAPHORE(counted_here);
SEMAPHORE(target_guarded_semaphore);
SEMAPHORE(target_none_semaphore);
SEMAPHORE(target_twelve_semaphore);
SEMAPHORE(target_spread_semaphore);
SEMAPHORE(target_kinds_semaphore);

// A note as <sys/sdt.h> makes it, with operands of our choice and without a semaphore.
#define NOTE(name, args) \
	"990: nop\n" \
	".pushsection .note.stapsdt,\"\",\"note\"\n" \
	".balign 4\n" \
	".4byte 992f-991f, 994f-993f, 3\n" \
	"991: .asciz \"stapsdt\"\n" \
	"992: .balign 4\n" \
	"993: .8byte 990b, 0, 0\n" \
	".asciz \"target\"\n" \
	".asciz \"" name "\"\n" \
	".asciz \"" args "\"\n" \
	"994: .balign 4\n" \
	".popsection\n"

NOINLINE int add_numbers(int a, int b)
{
	__asm__ volatile("");
	return a + b;
}

NOINLINE int add_more(int a, int b)
{
	return add_numbers(a, b) + 1;
}

static NOINLINE __attribute__((used)) int add_hidden(int a)
{
	__asm__ volatile("nop");
	return a + 2;
}

__attribute__((weak)) NOINLINE int add_weak(int a)
{
	__asm__ volatile("");
	return a + 3;
}

NOINLINE void probe_none(void) { STAP_PROBE(target, none); }

NOINLINE void probe_guarded(int n)
{
	if (target_guarded_semaphore)
		STAP_PROBE1(target, guarded, n);
}

NOINLINE void probe_twelve(long a, int b, short c, signed char d, unsigned char e, unsigned short f, unsigned int g, unsigned long *h)
{
	STAP_PROBE12(target, twelve, a, b, c, d, e, f, g, *h, h[1], 77, -5, h + 2);
}

// One probe in several places, with other arguments in each.
static inline __attribute__((always_inline)) void spread(int n) { STAP_PROBE1(target, spread, n); }

NOINLINE void probe_spread(int n)
{
	spread(1);
	spread(n);
	spread(1);
}

// More places with different arguments than the map has room for.
NOINLINE void probe_kinds(void)
{
#define KIND(n) STAP_PROBE1(target, kinds, n)
	KIND(1); KIND(2); KIND(3); KIND(4); KIND(5); KIND(6); KIND(7); KIND(8); KIND(9);
}

#ifdef __x86_64__
NOINLINE void probe_registers(void)
{
	register long r8 __asm__("r8") = 0x88, r9 __asm__("r9") = -9, r10 __asm__("r10") = 0x1010, r15 __asm__("r15") = 0xf5;

	__asm__ volatile(NOTE("registers", "8@%%rax 4@%%ebx -4@%%ecx 2@%%dx -2@%%si 1@%%dil -1@%%r8b -8@%%r9 8@%%r10 4@%%r15d")
		:: "a"(0x1122334455667788), "b"(0xdeadbeefcafebabe), "c"(0x00000000fffffffeL), "d"(0x12345678), "S"(0xfffd), "D"(0x1fe),
		   "r"(r8), "r"(r9), "r"(r10), "r"(r15));
}

NOINLINE void probe_memory(long *m)
{
	__asm__ volatile(NOTE("memory", "8@(%%rdi) -8@8(%%rdi) 4@-8(%%rdi) -4@-8(%%rdi) 1@16(%%rdi) -1@0x10(%%rdi) -2@16(%%rdi)") :: "D"(m) : "memory");
}

NOINLINE void probe_indexed(long *m, long i)
{
	__asm__ volatile(NOTE("indexed", "8@(%%rdi,%%rsi,8) -8@8(%%rdi,%%rsi,8) 4@-8(%%rdi,%%rsi,4) 2@16(%%rdi,%%rsi,2) 1@(%%rdi,%%rsi) -1@14(%%rdi,%%rsi,1)")
		:: "D"(m), "S"(i) : "memory");
}

NOINLINE void probe_constants(void)
{
	__asm__ volatile(NOTE("constants", "-4@$-5 8@$0x7fffffffffffffff 4@$4294967295 1@$7 8@$18446744073709551615"));
}

// For kernels that make a call of the second nop.
NOINLINE void probe_long_nop(long n)
{
	__asm__ volatile(NOTE("long_nop", "8@%%rdi") ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n" :: "D"(n));
}

NOINLINE void probe_symbolic(void)
{
	__asm__ volatile(NOTE("symbolic", "8@counted_here(%rip)"));
}

NOINLINE void probe_thirteen(void)
{
	__asm__ volatile(NOTE("thirteen", "1@$1 1@$1 1@$1 1@$1 1@$1 1@$1 1@$1 1@$1 1@$1 1@$1 1@$1 1@$1 1@$1"));
}

#endif

static void say(const char *word, unsigned guarded, unsigned counted)
{
	char text[16];
	int n = 0;

	while (*word)
		text[n++] = *word++;
	text[n++] = ' ';
	text[n++] = '0' + guarded;
	text[n++] = ' ';
	text[n++] = '0' + counted;
	text[n++] = '\n';
	if (write(1, text, n) != n)
		_exit(1);
}

int main(void)
{
	static unsigned long text[4] = {0xabcdefabcdefUL, 42};
	char c;

	say("ready", target_guarded_semaphore, counted_here);
	while (read(0, &c, 1) == 1) {
		int n = add_numbers(1, 2) + add_more(3, 4) + add_hidden(5) + add_weak(6);

		if (c != '\n')
			continue;
		probe_none();
		probe_guarded(n);
		probe_twelve(-(1L << 40), -70000, -300, -7, 200, 60000, 4000000000U, text);
		probe_spread(n);
		probe_kinds();
#ifdef __x86_64__
		static long memory[8] = {11, -22, 0xfffffffefffffffdL, 0x4444444444444444L, -55, 0xfeL, 77, 88};

		probe_registers();
		probe_memory(memory + 3);
		probe_indexed(memory, 2);
		probe_constants();
		probe_long_nop(12345);
		probe_symbolic();
		probe_thirteen();
#endif
		say("done", target_guarded_semaphore, counted_here);
	}
	return 0;
}
