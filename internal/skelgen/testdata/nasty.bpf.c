#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "nasty.h"

struct nasty shared = { .cv = 77 };
struct nasty *keep;
struct tail tailed;
const volatile unsigned int factor = 3;
const volatile _Bool verbose;
const volatile char greeting[12] = "hello";
int counter = 40;
unsigned long long hits;
int custom SEC(".data.my_own") = 9;
__int128 huge;
static int hidden_one;

struct key { int a; short b; };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct key);
	__type(value, struct nasty);
} things SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct point);
} per_cpu SEC(".maps");

struct event { int pid; char comm[16]; unsigned long long when; };
const struct event *unused __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} rb SEC(".maps");

#define SET(member, value) shared.member = value;
#define CHECK(member, value) if (shared.member != (value)) wrong++;

SEC("syscall") int fill(void *ctx)
{
	struct key k = { 1, 2 };
	SCALARS(SET)
	shared.f = 1.5f;
	shared.d = -2.25;
	shared.ptr = (void *)0x1122334455667788;
	counter += factor;
	huge = ((__int128)0x0102030405060708 << 64) | 0x1112131415161718;
	__sync_fetch_and_add(&hits, 1);
	bpf_map_update_elem(&things, &k, &shared, 0);
	return hidden_one;
}

SEC("syscall") int check(void *ctx)
{
	int wrong = 0;
	SCALARS(CHECK)
	return wrong;
}

SEC("syscall") int emit(void *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&rb, sizeof(*e), 0);
	if (!e)
		return 1;
	e->pid = 123;
	__builtin_memcpy(e->comm, "emitter", 8);
	e->when = hits;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp/sched/sched_switch") int on_switch(void *ctx) { return custom; }

SEC("xdp") int by_hand(void *ctx) { return 2; }

char _license[] SEC("license") = "GPL";
