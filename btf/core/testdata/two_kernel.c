// The "kernel" of the two-object CO-RE test: types, an image of data that has them, and what a program that was compiled
// against two_program.c's idea of these types must read out of it.
#include "two.h"

enum color { BLUE = 12, RED = 34, MINUS = -5 };
enum big { BIG_A = 0x1234567890abcdefULL, BIG_B = 1 };
enum grown { GROWN_SMALL = 3, GROWN_LARGE = 0xffffffff00000000ULL };

struct pair {
	u64 before;
	u32 left;
	u32 right;
	u64 after;
};

typedef struct {
	u64 gid;
	u32 uid;
} cred_t;

struct task;
typedef int (*callback_t)(struct task *t, u64 flags);

struct matched {
	char first;
	const char *name;
	u64 more;
	struct pair *link;
	enum color color;
};

struct mismatched {
	s64 n;
};

union choice {
	u32 a;
};

struct task {
	u64 pad0;
	u64 widened;
	u16 narrowed;
	u16 pad1;
	s32 pid;
	union {
		u64 pad2;
		struct {
			u32 pad3;
			u32 unnamed;
		};
	};
	u32 unnamed_here;
	s8 comm[20];
	s64 signed_widened;
	struct pair pairs[3];
	u16 grid[3][5];
	u16 pad4;
	const volatile cred_t cred;
	void *pointer;
	u32 pad5 : 3;
	u32 bits_unsigned : 9;
	s32 bits_signed : 6;
	u32 pad6 : 14;
	u32 bits_to_int;
	struct {
		u32 pad7 : 28;
		u32 bits_crossing : 12;
		u32 pad8 : 24;
	} __attribute__((packed));
	u32 pad9 : 5;
	u32 int_to_bits : 7;
	u32 new_field;
	struct pair wrong_type;
	enum color color;
	u32 flexible[];
} __attribute__((aligned(8)));

struct task image = {
	.pad0 = ~0ULL,
	.widened = 0x1122334455667788ULL,
	.narrowed = 0xfeed,
	.pad1 = 0xffff,
	.pid = -4242,
	.pad3 = ~0U,
	.unnamed = 0xabcd0001,
	.unnamed_here = 0xabcd0002,
	.comm = "0123456789abcdefghi",
	.signed_widened = -1,
	.pairs = {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}},
	.grid = {{1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}, {11, 12, 13, 14, 15}},
	.cred = {.gid = ~0ULL, .uid = 1000},
	.pointer = (void *)0x7766554433221100ULL,
	.pad5 = 7,
	.bits_unsigned = 0x155,
	.bits_signed = -19,
	.pad6 = 0x3fff,
	.pad7 = 0xfffffff,
	.bits_crossing = 0xabc,
	.pad8 = 0xffffff,
	.bits_to_int = 0x87654321,
	.pad9 = 0x1f,
	.int_to_bits = 0x5a,
	.new_field = 2026,
	.wrong_type = {~0ULL, ~0U, ~0U, ~0ULL},
	.color = RED,
	.flexible = {100, 101, 102, 103},
};

const u64 expected[RESULTS] = {
	[PID] = -4242,
	[WIDENED] = 0x1122334455667788ULL,
	[NARROWED] = 0xfeed,
	[POINTER] = 0x7766554433221100ULL,
	[SIGNED_WIDENED] = 8,
	[ARRAY_ELEMENT] = '7',
	[ARRAY_FIRST] = '0',
	[ARRAY_OF_STRUCTS] = 11,
	[ARRAY_OF_ARRAYS] = 8,
	[FLEXIBLE] = 102,
	[UNNAMED] = 0xabcd0001,
	[UNNAMED_HERE] = 0xabcd0002,
	[NESTED] = 1000,
	[BITS_UNSIGNED] = 0x155,
	[BITS_SIGNED] = -19,
	[BITS_CROSSING] = 0xabc,
	[BITS_TO_INT] = 0x87654321,
	[INT_TO_BITS] = 0x5a,
	[FLAVOUR_OLD] = 0,
	[FLAVOUR_NEW] = 2026,
	[EXISTS_YES] = 1,
	[EXISTS_NO] = 0,
	[EXISTS_WRONG_TYPE] = 0,
	[SIZE_ARRAY] = sizeof(image.comm),
	[SIZE_FIELD] = sizeof(image.narrowed),
	[SIGNED_YES] = 1,
	[SIGNED_NO] = 0,
	[TYPE_EXISTS_YES] = 1,
	[TYPE_EXISTS_NO] = 0,
	[TYPE_EXISTS_WRONG_KIND] = 0,
	[TYPE_SIZE] = sizeof(struct pair),
	[TYPE_SIZE_MISSING] = 0,
	[TYPE_ID_MISSING] = 0,
	[TYPE_MATCHES_YES] = 1,
	[TYPE_MATCHES_NO] = 0,
	[TYPE_MATCHES_PROTO] = 1,
	[ENUM_VALUE] = RED,
	[ENUM_NEGATIVE] = MINUS,
	[ENUM_EXISTS_YES] = 1,
	[ENUM_EXISTS_NO] = 0,
	[ENUM64_VALUE] = BIG_A,
	[ENUM_BECAME_ENUM64] = GROWN_LARGE,
	[MISSING_GUARDED] = 77,
};

// Types reach the BTF through variables.
enum big big;
enum grown grown;
callback_t callback;
struct matched matched;
struct mismatched mismatched;
union choice choice;
enum result result;
