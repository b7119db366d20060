package insn

import (
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// program has code that branches elsewhere: loops, calls, switches, pointers to functions, atomics.
const program = `
typedef unsigned long word;
typedef struct { word a, b; double d; int (*f)(int); } item;
#define NOINLINE __attribute__((noinline))
NOINLINE word gcd(word a, word b) { while (b) { word t = a % b; a = b; b = t; } return a; }
NOINLINE int dense(int n, item *i)
{
	switch (n) {
	case 0: return i->f(1);
	case 1: return i->a + 3;
	case 2: i->d *= 1.5; return 2;
	case 3: return gcd(i->a, i->b);
	case 4: __builtin_trap();
	case 5: i->b = (word)0x123456789abcdefULL; return 7;
	case 6: return __atomic_fetch_add(&i->a, 1, __ATOMIC_SEQ_CST);
	case 7: for (int k = 0; k < n; k++) i->b ^= i->a << k; return 9;
	}
	return -1;
}
NOINLINE int sparse(int n, const char *s)
{
	switch (n) {
	case 7: return *s == 'x';
	case 900: return s[1] > s[2];
	case -40000: return s[n & 3];
	case 1234567: return s[4] ? 1 : -1;
	}
	return n > 3 && *s ? sparse(n / 3, s + 1) : 12;
}
NOINLINE void copy(volatile char *to, const char *from, word n) { while (n--) *to++ = *from++; }
NOINLINE int compare(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++) ;
	return *a < *b ? -1 : *a > *b;
}
NOINLINE int leaf(int n) { return n * 77 + 1000000; }
NOINLINE double mean(const double *d, int n)
{
	double s = 0;
	for (int k = 0; k < n; k++) s += d[k] < 0 ? -d[k] : d[k] > 100 ? 100 : d[k];
	return n ? s / n : 0;
}
NOINLINE long tail(item *i) { return i->f(leaf(3)); }
NOINLINE int lock(word *w)
{
	word zero = 0;
	while (!__atomic_compare_exchange_n(w, &zero, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) zero = 0;
	return __atomic_exchange_n(w, 0, __ATOMIC_RELEASE);
}
static int table[64];
void _start(void)
{
	item i = {12, 18, 2.5, leaf};
	char to[16];
	double d[3] = {1, -2, 300};
	copy(to, "abcdefghijklmno", 16);
	for (int k = 0; k < 64; k++) table[k] = dense(k, &i) + sparse(k, to) + compare(to, "abd") + tail(&i);
	table[1] += mean(d, 3) + lock(&i.a);
	for (;;) ;
}
`

// TestForeign compares code of other machines. The oracle is llvm-objdump.
func TestForeign(t *testing.T) {
	files := map[string]string{"386": testkit.Native(t, program, "-m32", "-ffreestanding",
		"-nostdlib",
		"-static", "-fno-pic", "-no-pie")}
	for _, arch := range []string{"riscv64", "s390x", "ppc64le"} {
		files[arch] = testkit.Foreign(t, arch, program)
	}
	for arch, file := range files {
		n := compare(t, file)
		t.Logf("%s: %+v", arch, n)
		if n.functions < 10 || n.told < n.inside/2 || n.unknown > n.instructions/20 {
			t.Errorf("%s: too little was compared: %+v", arch, n)
		}
	}
}
