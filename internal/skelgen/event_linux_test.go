package skelgen_test

import (
	"os"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/records"
	"github.com/purebpf/bpf/internal/skelgen"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

// compiled compiles C source, which includes libbpf's helpers before it, and reads the object.
func compiled(t *testing.T, source string) *object.Object {
	t.Helper()
	raw, err := os.ReadFile(testkit.Compile(t, helpers+source))
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(raw, "x.bpf.o")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const helpers = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n"

// TestEventType: the type of a ring's records. Oracle: the C source, which writes records of struct
// event; what a perf event array declares as its values are file descriptors (bpf_helpers.h's
// bpf_perf_event_output, kernel/events/core.c).
func TestEventType(t *testing.T) {
	const event = "struct event { int pid; long when; };\n" +
		"const struct event *unused __attribute__((unused));\n"
	const ring = `struct {
		__uint(type, BPF_MAP_TYPE_RINGBUF);
		__uint(max_entries, 4096);
	} out SEC(".maps");`
	for _, c := range []struct{ name, source, field string }{
		{"perf event array with descriptors", event + `struct {
			__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
			__type(key, __u32);
			__type(value, __u32);
		} out SEC(".maps");`, "Out *skel.PerfBuf[XEvent]"},
		{"perf event array, nothing said", `struct {
			__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
			__type(key, __u32);
			__type(value, __u32);
		} out SEC(".maps");`, "Out *skel.PerfBuf[skel.Raw]"},
		{"perf event array in the plural", `struct sample { int a; } keep;
		struct {
			__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
			__uint(key_size, 4);
			__type(value, int);
		} samples SEC(".maps");`, "Samples *skel.PerfBuf[XSample]"},
		{"ring buffer with a value type", `struct record { int a, b; };
		struct {
			__uint(type, BPF_MAP_TYPE_RINGBUF);
			__uint(max_entries, 4096);
			__type(value, struct record);
		} out SEC(".maps");`, "Out *skel.Ring[XRecord]"},
		{"a program that writes another struct than event", event + ring + `
		struct other { long a, b, c; } keep;
		SEC("xdp") int p(void *ctx)
		{
			return bpf_ringbuf_output(&out, &keep, sizeof(keep), 0);
		}`, "Out *skel.Ring[XOther]"},
		{"a program of whose record only the size is known", event + ring + `
		SEC("xdp") int p(void *ctx)
		{
			char *b = bpf_ringbuf_reserve(&out, 24, 0);
			if (b)
				bpf_ringbuf_submit(b, 0);
			return 0;
		}`, "Out *skel.Ring[skel.Raw]"},
		{"a program that writes less than an event", event + ring + `
		SEC("xdp") int p(void *ctx)
		{
			char two[2] = { 1, 2 };
			return bpf_ringbuf_output(&out, two, sizeof(two), 0);
		}`, "Out *skel.Ring[skel.Raw]"},
		{"two structs, one of them event", event + ring + `
		struct other { long a, b, c; } keep;
		SEC("xdp") int p(void *ctx)
		{
			struct event e = { 1, 2 };
			bpf_ringbuf_output(&out, &e, sizeof(e), 0);
			return bpf_ringbuf_output(&out, &keep, sizeof(keep), 0);
		}`, "Out *skel.Ring[skel.Raw]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := compiled(t, c.source)
			text, err := skelgen.Generate(o,
				skelgen.Options{ObjectFile: "x.bpf.o", Records: records.Analyze(o, nil)})
			if err != nil {
				t.Fatal(err)
			}
			newChecker().check(t, text)
			if !strings.Contains(string(text), c.field) {
				t.Errorf("no field %s in\n%s", c.field, text)
			}
		})
	}
}
