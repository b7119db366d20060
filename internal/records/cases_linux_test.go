package records_test

import (
	"os"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/records"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

// prelude declares what the programs of the cases use. struct event and struct other have the same
// size and different members; struct pair is shorter.
const prelude = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct event { __u64 time; __u32 pid; __u32 cpu; char comm[16]; };
struct other { __u32 a; __u32 b; __u32 c; __u32 d; __u64 e[2]; };
struct pair { __u32 tag; __u32 count; };
struct line { __u32 pid; __u32 len; char text[64]; };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4);
} perf SEC(".maps");
char _license[] SEC("license") = "GPL";
int input;
#define RESERVE(T) T *e = bpf_ringbuf_reserve(&events, sizeof(T), 0); if (!e) return 0
`

// TestCases analyses small programs. Oracle: their C source, compiled by clang: the type of the
// memory that they output. As clang reads it from standard input, no lines of source are in the
// objects.
func TestCases(t *testing.T) {
	for _, c := range []struct {
		name, source string
		buffer       string
		size         int    // of the record, 0 for the only one
		want         string // type and rank, or what else is known
	}{
		{"nothing says the type", `SEC("xdp") int p(void *ctx) { RESERVE(struct event);
			*(volatile __u64 *)&e->time = bpf_ktime_get_ns();
			bpf_ringbuf_submit(e, 0); return 0; }`, "events", 32, "+0:8"},
		{"declared", `const struct event *unused __attribute__((unused));
			SEC("xdp") int p(void *ctx) { RESERVE(struct event); e->time = bpf_ktime_get_ns();
			e->pid = input; bpf_ringbuf_submit(e, 0); return 0; }`,
			"events", 32, "struct event, declared"},
		{"declared, but contradicted by a store", `const struct event *unused;
			const struct pair *unused_pair;
			SEC("xdp") int p(void *ctx) { RESERVE(struct other); e->a = bpf_get_prandom_u32();
			e->b = bpf_get_prandom_u32(); e->c = 0; e->d = 0; e->e[0] = e->e[1] = 0;
			bpf_ringbuf_submit(e, 0); return 0; }`, "events", 32, "+0:4 +4:4"},
		{"passed to a function", `__attribute__((noinline)) int fill(struct event *e) {
			if (!e) return 0; e->time = bpf_ktime_get_ns(); return input; }
			SEC("xdp") int p(void *ctx) { RESERVE(struct event); e->cpu = fill(e);
			bpf_ringbuf_submit(e, 0); return 0; }`, "events", 32, "struct event, output"},
		{"a value of a map", `struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
			__uint(max_entries, 1); __type(key, __u32); __type(value, struct event); } heap
			SEC(".maps");
			SEC("xdp") int p(void *ctx) { __u32 k = 0; struct event *e;
			e = bpf_map_lookup_elem(&heap, &k); if (!e) return 0; e->pid = input;
			bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, e, sizeof(*e)); return 0; }`,
			"perf", 36, "struct event, output"},
		{"stored in a map before", `struct { __uint(type, BPF_MAP_TYPE_HASH);
			__uint(max_entries, 9); __type(key, __u32); __type(value, struct event); } last
			SEC(".maps");
			SEC("xdp") int p(void *ctx) { __u32 k = 0; struct event e = {}; e.pid = input;
			bpf_map_update_elem(&last, &k, &e, 0);
			bpf_ringbuf_output(&events, &e, sizeof(e), 0); return 0; }`,
			"events", 32, "struct event, output"},
		{"untyped heap", `struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
			__uint(max_entries, 1); __type(key, __u32); __type(value, char[256]); } heap
			SEC(".maps"); const struct other *keep;
			SEC("xdp") int p(void *ctx) { __u32 k = 0; struct event *e;
			e = bpf_map_lookup_elem(&heap, &k); if (!e) return 0;
			e->pid = bpf_get_prandom_u32(); bpf_get_current_comm(e->comm, sizeof(e->comm));
			bpf_ringbuf_output(&events, e, sizeof(*e), 0); return 0; }`,
			"events", 32, "+8:4 +16:16"},
		{"heap of another type", `struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
			__uint(max_entries, 1); __type(key, __u32); __type(value, struct other); } heap
			SEC(".maps");
			SEC("xdp") int p(void *ctx) { __u32 k = 0; struct event *e;
			e = bpf_map_lookup_elem(&heap, &k); if (!e) return 0;
			e->time = bpf_ktime_get_ns();
			bpf_ringbuf_output(&events, e, sizeof(*e), 0); return 0; }`,
			"events", 32, "+0:8"},
		{"a global variable", `struct event last;
			SEC("xdp") int p(void *ctx) { last.pid = input;
			bpf_ringbuf_output(&events, &last, sizeof(last), 0); return 0; }`,
			"events", 32, "struct event, output"},
		{"a member of a global variable", `struct { __u64 n; struct pair pair; } last;
			SEC("xdp") int p(void *ctx) { last.pair.tag = input;
			bpf_ringbuf_output(&events, &last.pair, sizeof(last.pair), 0); return 0; }`,
			"events", 8, "struct pair, output"},
		{"two types of different sizes: the first", `struct event a; struct pair b;
			SEC("xdp") int p(void *ctx) { bpf_ringbuf_output(&events, &a, sizeof(a), 0);
			bpf_ringbuf_output(&events, &b, sizeof(b), 0); return 0; }`,
			"events", 32, "struct event, output"},
		{"two types of different sizes: the second", `struct event a; struct pair b;
			SEC("xdp") int p(void *ctx) { bpf_ringbuf_output(&events, &a, sizeof(a), 0);
			bpf_ringbuf_output(&events, &b, sizeof(b), 0); return 0; }`,
			"events", 8, "struct pair, output"},
		{"two types of the same size", `struct event a; struct other b;
			SEC("xdp") int p(void *ctx) { bpf_ringbuf_output(&events, &a, sizeof(a), 0);
			return 0; }
			SEC("xdp") int q(void *ctx) { bpf_ringbuf_output(&events, &b, sizeof(b), 0);
			return 0; }`,
			"events", 32, "struct event or struct other"},
		{"a type and an unknown one of the same size", `struct event a;
			SEC("xdp") int p(void *ctx) { bpf_ringbuf_output(&events, &a, sizeof(a), 0);
			return 0; }
			SEC("xdp") int q(void *ctx) { RESERVE(struct other); e->a = bpf_get_prandom_u32();
			bpf_ringbuf_submit(e, 0); return 0; }`, "events", 32, ""},
		{"part of an array at the end", `struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
			__uint(max_entries, 1); __type(key, __u32); __type(value, struct line); } heap
			SEC(".maps");
			SEC("xdp") int p(void *ctx) { __u32 k = 0, n = input; struct line *l;
			l = bpf_map_lookup_elem(&heap, &k); if (!l || n > sizeof(l->text)) return 0;
			l->len = n;
			bpf_ringbuf_output(&events, l, 8 + n, 0); return 0; }`,
			"events", 20, "struct line, output"},
		{"discarded", `SEC("xdp") int p(void *ctx) { RESERVE(struct event); e->pid = 1;
			bpf_ringbuf_discard(e, 0); return 0; }`, "events", 32, "none"},
		{"in a loop's callback", `static int fill(__u32 i, struct event *e) {
			e->comm[i & 15] = bpf_get_prandom_u32(); return 0; }
			SEC("xdp") int p(void *ctx) { RESERVE(struct event); e->pid = bpf_get_prandom_u32();
			bpf_loop(16, fill, e, 0); bpf_ringbuf_submit(e, 0); return 0; }`,
			"events", 32, "struct event, output"},
		{"through a dynptr", `struct event last;
			SEC("xdp") int p(void *ctx) { struct bpf_dynptr d;
			if (!bpf_ringbuf_reserve_dynptr(&events, sizeof(last), 0, &d))
				bpf_dynptr_write(&d, 0, &last, sizeof(last), 0);
			bpf_ringbuf_submit_dynptr(&d, 0); return 0; }`,
			"events", 32, "struct event, output"},
		{"by an access that is relocated", `#pragma clang attribute push \
			(__attribute__((preserve_access_index)), apply_to = record)
			struct moved { __u64 time; __u32 pid; __u32 cpu; };
			#pragma clang attribute pop
			SEC("xdp") int p(void *ctx) { RESERVE(struct moved); e->pid = input;
			bpf_ringbuf_submit(e, 0); return 0; }`, "events", 16, "struct moved, output"},
		{"the buffer's value type", `struct { __uint(type, BPF_MAP_TYPE_RINGBUF);
			__uint(max_entries, 4096); __type(value, struct event); } typed SEC(".maps");
			SEC("xdp") int p(void *ctx) { struct event *e;
			e = bpf_ringbuf_reserve(&typed, sizeof(*e), 0); if (!e) return 0;
			bpf_ringbuf_submit(e, 0); return 0; }`, "typed", 32, "struct event, declared"},
		{"either of two variables", `struct event a, b;
			SEC("xdp") int p(void *ctx) { bpf_ringbuf_output(&events, input ? (void *)&a : (void *)ctx,
			32, 0); return 0; }`, "events", 32, ""},
	} {
		raw, err := os.ReadFile(testkit.Compile(t, prelude+c.source))
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(raw, c.name)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		s := records.Analyze(o, nil).Stream(c.buffer)
		if got := describe(s, c.size); got != c.want {
			t.Errorf("%s: %q, want %q (%+v)", c.name, got, c.want, s)
		}
		id, rank := records.Of(o, c.buffer)
		if all := len(s.Sources) == 1 && s.Sources[0].Type != 0; all != (id != 0 && rank != 0) &&
			!strings.HasPrefix(c.name, "two types") {
			t.Errorf("%s: Of returns %d, %d", c.name, id, rank)
		}
	}
}

// describe returns what is known about a record of a size.
func describe(s *records.Stream, size int) string {
	f := s.Fit(size)
	switch {
	case s.Gap != "":
		return "gap: " + s.Gap
	case len(f.Programs) == 0:
		return "none"
	case f.Type != 0:
		return f.Spec.CString(f.Type) + [...]string{"", ", by its layout", ", declared",
			", output"}[f.Rank]
	case len(f.Rivals) > 0:
		var names []string
		for _, id := range f.Rivals {
			names = append(names, f.Spec.CString(id))
		}
		return strings.Join(names, " or ")
	}
	var fields []string
	for _, x := range f.Fields {
		fields = append(fields, x.String())
	}
	return strings.Join(fields, " ")
}
