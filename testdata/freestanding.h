// SPDX-License-Identifier: BSD-2-Clause
// What target.c needs of a C library, for machines that we have a compiler for but no library.
#if defined(__aarch64__)
static inline long call(long number, long a, long b, long c)
{
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}
enum { NR_read = 63, NR_write = 64, NR_exit = 94 };
__asm__(".globl _start\n_start: mov x29, #0\nbl main\nbl _exit\n");
#elif defined(__riscv)
static inline long call(long number, long a, long b, long c)
{
	register long a7 __asm__("a7") = number, a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c;

	__asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
	return a0;
}
enum { NR_read = 63, NR_write = 64, NR_exit = 94 };
__asm__(".globl _start\n_start: call main\ncall _exit\n");
#elif defined(__s390x__)
static inline long call(long number, long a, long b, long c)
{
	register long r1 __asm__("r1") = number, r2 __asm__("r2") = a, r3 __asm__("r3") = b, r4 __asm__("r4") = c;

	__asm__ volatile("svc 0" : "+d"(r2) : "d"(r1), "d"(r3), "d"(r4) : "memory");
	return r2;
}
enum { NR_read = 3, NR_write = 4, NR_exit = 248 };
__asm__(".globl _start\n_start: aghi %r15, -160\nbrasl %r14, main\nbrasl %r14, _exit\n");
#endif
static inline long read(int fd, void *to, long n) { return call(NR_read, fd, (long)to, n); }
static inline long write(int fd, const void *from, long n) { return call(NR_write, fd, (long)from, n); }
void _exit(int status)
{
	for (;;)
		call(NR_exit, status, 0, 0);
}
