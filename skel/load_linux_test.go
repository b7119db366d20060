package skel_test

import (
	"os"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/skel"
)

// open compiles C source, which includes libbpf's helpers before it, and opens the object as a
// skeleton.
func open(t *testing.T, source string) *skel.Opened {
	t.Helper()
	testkit.Root(t)
	raw, err := os.ReadFile(testkit.Compile(t, `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
`+source+`
char _license[] SEC("license") = "GPL";
`))
	if err != nil {
		t.Fatal(err)
	}
	o, err := skel.Open("x", raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

func load(t *testing.T, o *skel.Opened) *skel.Loaded {
	t.Helper()
	l, err := o.Load(nil)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func run(t *testing.T, l *skel.Loaded, program string) uint32 {
	t.Helper()
	r, err := l.Object.Program(program).Run(nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.Return
}

// event is struct event of the C sources.
type event struct{ A, B uint32 }

// TestRingValueType: a ring buffer whose declaration has the type of its records loads. Oracle: the
// kernel, which refuses ring buffers with a value size, and the program, which writes a record.
func TestRingValueType(t *testing.T) {
	l := load(t, open(t, `
struct event { unsigned int a, b; };
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
	__type(value, struct event);
} events SEC(".maps");
SEC("syscall") int emit(void *ctx)
{
	struct event e = { 3, 4 };
	return bpf_ringbuf_output(&events, &e, sizeof(e), 0);
}`))
	var ring *skel.Ring[event]
	skel.RingOf(l, "events", &ring)
	run(t, l, "emit")
	for e, err := range ring.Records(t.Context()) {
		if err != nil || *e != (event{3, 4}) {
			t.Errorf("%+v, %v", e, err)
		}
		break
	}
}
