/* What C can lay out and Go can't say, for nasty.bpf.c and a program of this machine. */

enum color { RED, GREEN = 5, Blue = GREEN };
enum tiny { TINY_A = 1, TINY_B = 200 } __attribute__((packed));
enum negative { NEG = -3, POS = 3 };
enum big { BIG = 0x123456789abcdefULL, ONE = 1 };
typedef struct { int a; short b; } anon_t;
typedef enum { UP = 7, DOWN } direction_t;

struct point { int x; long long y; };
struct packed7 { unsigned char a; unsigned int b; unsigned short c; } __attribute__((packed));
struct packed9 { unsigned long long a; unsigned char b; } __attribute__((packed));
struct crooked { char tag; struct point at; struct packed9 nine; } __attribute__((packed));
struct bits { unsigned char a:3, b:5; int c:7; unsigned long long d:40; int e:31; unsigned f:1; };
struct word { unsigned long long whole:64; };
struct empty { };
union number { double d; long long ll; char text[12]; unsigned char raw[16]; };
union small { unsigned short s; unsigned char c; };

struct nasty {
	unsigned char c1;
	unsigned long long u64;
	unsigned char c2;
	struct packed7 seven;
	struct crooked crooked;
	struct bits bits;
	struct word word;
	unsigned int f1:3;
	int f2:7;
	unsigned int f3:22;
	enum color col:4;
	_Bool flag:1;
	union {
		int i;
		struct { short lo, hi; };
		struct { unsigned int b1:9, b2:23; };
		unsigned char bytes[4];
	};
	union number u;
	union small small;
	struct { int ax; union { int ay; float af; }; };
	struct { char s1; struct { long long s2; } deep; } sub;
	float f;
	double d;
	_Bool b;
	char comm[16];
	char grid[2][4];
	unsigned char mac[6];
	signed char sc;
	void *ptr;
	struct nasty *self;
	int (*fn)(int);
	const volatile int cv;
	int matrix[2][3];
	struct point pts[2];
	struct empty none;
	enum color color;
	enum tiny tiny;
	enum negative negative;
	enum big big;
	direction_t direction;
	anon_t anon;
	int type, func, range, _x, a_b, aB, a_1_2, a_12;
	unsigned int string:5, scan:6;
	int far __attribute__((aligned(64)));
};

struct tail { int n; struct point items[]; };

/* The scalar members, and a value for each that no neighbour has. */
#define SCALARS(V) \
	V(c1, 0x11) V(u64, 0x2122232425262728) V(c2, 0x31) \
	V(seven.a, 0x41) V(seven.b, 0x42434445) V(seven.c, 0x4647) \
	V(crooked.tag, 0x48) V(crooked.at.x, 0x4a4b4c4d) V(crooked.at.y, 0x5152535455565758) \
	V(crooked.nine.a, 0x6162636465666768) V(crooked.nine.b, 0x69) \
	V(bits.a, 5) V(bits.b, 21) V(bits.c, -33) V(bits.d, 0x8182838485) V(bits.e, -1000000) V(bits.f, 1) \
	V(word.whole, 0x9192939495969798) \
	V(f1, 6) V(f2, -60) V(f3, 0x2bcdef) V(col, 5) V(flag, 1) \
	V(lo, 0x1234) V(hi, -0x1234) V(u.ll, 0x7172737475767778) V(small.s, 0x7a7b) \
	V(ax, -5) V(ay, -6) V(sub.s1, 0x21) V(sub.deep.s2, -7) \
	V(b, 1) V(comm[0], 'c') V(comm[1], 'o') V(grid[1][0], 'g') V(mac[5], 0xfe) V(sc, -8) \
	V(matrix[1][2], 123456) V(pts[1].x, -9) V(pts[1].y, -10) \
	V(color, 5) V(tiny, 200) V(negative, -3) V(big, 0x123456789abcdef) V(direction, 8) \
	V(anon.a, -11) V(anon.b, -12) V(type, 1) V(func, 2) V(range, 3) V(_x, 4) V(a_b, 5) V(aB, 6) \
	V(a_1_2, 7) V(a_12, 8) V(string, 19) V(scan, 44) V(far, 0x5a5b5c5d)
