//go:build ignore

/* Every construct of C that skeletons have Go types for, in every place where Go and BPF programs
 * meet: global variables, constants, maps, records of ring and perf buffers, samples of user ring
 * buffers, and values of the kernel's configuration.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum color { RED, GREEN = 5 };
enum negative { NEG = -3, POS = 3 };
enum big { SMALL, BIG = 0x123456789abcdef };
enum tiny { TINY = 200 } __attribute__((packed));
typedef enum { UP = 7, DOWN } direction_t;
typedef struct { int a; short b; } anon_t;

struct point { int x; long long y; };
struct packed { unsigned char a; unsigned int b; unsigned short c; } __attribute__((packed));
struct crooked { char tag; struct point at; enum big big; void *ptr; } __attribute__((packed));
struct bits { unsigned char a:3, b:5; int c:7; unsigned long long d:40; int e:31; unsigned f:1; };
union number { double d; long long ll; char text[12]; unsigned short half[8]; struct point at; };

struct all {
	unsigned char u8;
	signed char s8;
	unsigned short u16;
	short s16;
	unsigned int u32;
	int s32;
	unsigned long long u64;
	long long s64;
	__int128 s128;
	unsigned __int128 u128;
	_Bool yes;
	float f;
	double d;
	char name[12];
	char grid[2][4];
	unsigned char mac[6];
	int matrix[2][3];
	struct point points[2];
	enum color color;
	enum negative negative;
	enum big big;
	enum tiny tiny;
	direction_t direction;
	anon_t anon;
	struct packed packed;
	struct crooked crooked;
	struct bits bits;
	unsigned int f1:3;
	int f2:7;
	unsigned int f3:22;
	enum color fc:4;
	_Bool flag:1;
	union number number;
	union {
		int whole;
		struct { short lo, hi; };
		struct { unsigned int b1:9, b2:23; };
	};
	struct { int ax; union { int ay; float af; }; };
	struct { char s1; struct { long long s2; } deep; } sub;
	void *ptr;
	struct all *self;
	int (*fn)(int);
	const volatile int cv;
	int type, func, a_b, aB;
	int far __attribute__((aligned(64)));
};

/* E(name, what it is, how it is set): what each member holds. P is for members that are set by
 * their name.
 */
#define P(member, value) E(#member, s->member, s->member = value)
#define MEMBERS \
	P(u8, 0x91) P(s8, -8) P(u16, 0x9293) P(s16, -1600) P(u32, 0x94959697) P(s32, -320000) \
	P(u64, 0x98999a9b9c9d9e9f) P(s64, -6400000000) \
	E("s128 high", s->s128 >> 64, s->s128 = -(((__int128)5 << 64) + 0x1112131415161718)) \
	E("s128 low", s->s128, ) \
	E("u128 high", s->u128 >> 64, \
	  s->u128 = (unsigned __int128)0xe1e2e3e4e5e6e7e8 << 64 | 0xf1f2f3f4f5f6f7f8) \
	E("u128 low", s->u128, ) \
	P(yes, 1) \
	E("f", *(const volatile int *)&s->f, s->f = 1.5f) \
	E("d", *(const volatile long long *)&s->d, s->d = -2.25) \
	P(name[0], 'n') P(name[10], 'z') P(name[11], 0) P(grid[1][0], 'g') P(mac[5], 0xfe) \
	P(matrix[1][2], 123456) P(points[1].x, -9) P(points[1].y, -1000000000000) \
	P(color, GREEN) P(negative, NEG) P(big, BIG) P(tiny, TINY) P(direction, DOWN) \
	P(anon.a, -11) P(anon.b, -12) \
	P(packed.a, 0x41) P(packed.b, 0xc2434445) P(packed.c, 0xc647) \
	P(crooked.tag, 0x48) P(crooked.at.x, -13) P(crooked.at.y, -14000000000) \
	P(crooked.big, BIG) \
	E("crooked.ptr", (long)s->crooked.ptr, s->crooked.ptr = (void *)~0x55aaL) \
	P(bits.a, 5) P(bits.b, 21) P(bits.c, -33) P(bits.d, 0x8182838485) P(bits.e, -1000000) \
	P(bits.f, 1) P(f1, 6) P(f2, -60) P(f3, 0x2bcdef) P(fc, GREEN) P(flag, 1) \
	P(number.text[9], 't') P(number.half[7], 0xa7a8) P(number.ll, -15000000000) \
	P(lo, 0x1234) P(hi, -0x1234) E("whole", s->whole, ) E("b1", s->b1, ) E("b2", s->b2, ) \
	P(ax, -5) E("af", *(const volatile int *)&s->af, s->af = -0.5f) \
	P(sub.s1, 0x21) P(sub.deep.s2, -7) \
	E("ptr", (long)s->ptr, s->ptr = (void *)0x1122334455667788) \
	E("self", (long)s->self, s->self = (void *)0x2122334455667788) \
	E("fn", (long)s->fn, s->fn = (void *)0x3122334455667788) \
	E("cv", s->cv, *(int *)&s->cv = 77) \
	P(type, 1) P(func, 2) P(a_b, 3) P(aB, 4) P(far, 0x5a5b5c5d)

#define E(name, value, set) name,
const char names[][16] = { MEMBERS };
#undef E
#define COUNT (sizeof(names) / sizeof(names[0]))

long long report[COUNT]; /* what read found in each member */

/* Members are read as they are in memory. */
static __always_inline void read(const volatile struct all *s)
{
	int i = 0;

#define E(name, value, set) report[i++] = value;
	MEMBERS
#undef E
}

static __always_inline void write(struct all *s)
{
#define E(name, value, set) set;
	MEMBERS
#undef E
}

struct all shared;                       /* .bss */
struct all given = { .cv = 1 };          /* .data */
const volatile struct all constant;      /* .rodata */
struct all apart SEC(".data.apart");     /* a section of its own */
static struct all sample;

struct key { char a; short b; long long c; };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, struct key);
	__type(value, struct all);
} things SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct all);
} each_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
	__type(value, struct all);
} records SEC(".maps");

struct tail { int n; struct point items[]; };

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
	__type(value, struct tail);
} tails SEC(".maps");

struct sample { int cpu; struct all all; };

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 64 * 1024);
} sent SEC(".maps");

SEC("syscall") int write_shared(void *ctx)
{
	write(&shared);
	return 0;
}

SEC("syscall") int read_shared(void *ctx)
{
	read(&shared);
	return 0;
}

SEC("syscall") int read_given(void *ctx)
{
	read(&given);
	return 0;
}

SEC("syscall") int read_apart(void *ctx)
{
	read(&apart);
	return 0;
}

SEC("syscall") int read_constant(void *ctx)
{
	read(&constant);
	return 0;
}

static const struct key known = { 1, -2, 3000000000 };

SEC("syscall") int write_things(void *ctx)
{
	struct key k = known;

	write(&shared);
	return bpf_map_update_elem(&things, &k, &shared, BPF_ANY);
}

SEC("syscall") int read_things(void *ctx)
{
	struct key k = known;
	struct all *s = bpf_map_lookup_elem(&things, &k);

	if (!s)
		return 1;
	read(s);
	return 0;
}

SEC("syscall") int write_each_cpu(void *ctx)
{
	__u32 zero = 0;
	struct all *s = bpf_map_lookup_elem(&each_cpu, &zero);

	if (!s)
		return 1;
	write(s);
	return 0;
}

SEC("syscall") int read_each_cpu(void *ctx)
{
	__u32 zero = 0;
	struct all *s = bpf_map_lookup_elem(&each_cpu, &zero);

	if (!s)
		return 1;
	read(s);
	return 0;
}

SEC("syscall") int write_records(void *ctx)
{
	struct all *s = bpf_ringbuf_reserve(&records, sizeof(*s), 0);

	if (!s)
		return 1;
	write(s);
	bpf_ringbuf_submit(s, 0);
	return 0;
}

SEC("syscall") int write_tails(void *ctx)
{
	struct { int n; struct point items[3]; } t;

	__builtin_memset(&t, 0, sizeof(t));
	t.n = 3;
	for (int i = 0; i < 3; i++) {
		t.items[i].x = -i;
		t.items[i].y = -5000000000 - i;
	}
	return bpf_ringbuf_output(&tails, &t, sizeof(t), 0);
}

static struct sample out;

SEC("raw_tp/sys_enter") int write_samples(void *ctx)
{
	out.cpu = bpf_get_smp_processor_id();
	write(&out.all);
	return bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU, &out, sizeof(out));
}

static long receive(struct bpf_dynptr *data, void *ctx)
{
	if (!bpf_dynptr_read(&sample, sizeof(sample), data, 0, 0))
		read(&sample);
	return 0;
}

SEC("?syscall") int read_sent(void *ctx)
{
	return bpf_user_ringbuf_drain(&sent, receive, 0, 0) != 1;
}

extern int LINUX_KERNEL_VERSION __kconfig;
extern unsigned int CONFIG_HZ __kconfig;
extern unsigned long long CONFIG_NR_CPUS __kconfig;
extern enum libbpf_tristate CONFIG_BPF_SYSCALL __kconfig;
extern enum libbpf_tristate CONFIG_VETH __kconfig __weak;
extern _Bool CONFIG_NET __kconfig;
extern char CONFIG_DEFAULT_HOSTNAME[16] __kconfig;
extern char CONFIG_INET __kconfig;
extern int CONFIG_NO_SUCH_OPTION __kconfig __weak;

long long settings[9];

SEC("syscall") int read_settings(void *ctx)
{
	settings[0] = LINUX_KERNEL_VERSION;
	settings[1] = CONFIG_HZ;
	settings[2] = CONFIG_NR_CPUS;
	settings[3] = CONFIG_BPF_SYSCALL;
	settings[4] = CONFIG_VETH;
	settings[5] = CONFIG_NET;
	settings[6] = CONFIG_DEFAULT_HOSTNAME[0];
	settings[7] = CONFIG_INET;
	settings[8] = CONFIG_NO_SUCH_OPTION;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
