/* Every BTF kind that some kernel does not know. */
#include "defs.h"

enum big { SMALL = 1, HUGE = 0x1234567890abcdefull };
enum negative { MINUS = -5, PLUS = 5 };
enum big64 { LESS = -0x1234567890ll };
typedef int __attribute__((btf_type_tag("tagged"))) *tagged;
struct floats { float f; double d; };
struct deep { struct { enum big b; } in; tagged t; const volatile enum negative n; struct floats f; } __attribute__((btf_decl_tag("decl")));

struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 3); __type(key, enum big); __type(value, struct deep); } map SEC(".maps");

float ratio = 1.5;
static volatile int hidden;
struct deep deep SEC(".data.deep");
const volatile enum big64 limit = LESS;
int zeroed SEC(".bss.more");
volatile const int question SEC(".rodata.q") = 7;

static __noinline int sub(int n) { return n * 3 + hidden; }
__noinline int global(int n __attribute__((btf_decl_tag("named")))) { return sub(n) + 1; }

SEC("socket") int do_prog(void *ctx)
{
	enum big key = HUGE;
	struct deep *v = bpf_map_lookup_elem(&map, &key);

	zeroed++;
	return global(question + (limit == LESS) + (v ? v->n : deep.n));
}
