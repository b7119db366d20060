package skel_test

import (
	"errors"
	"iter"
	"os"
	"testing"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
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

// TestCloseEndsRecords: closing the object ends the loops over records, waiting ones too. Oracle:
// the kernel's list of this process's descriptors, in which testkit.Main finds a reader's.
func TestCloseEndsRecords(t *testing.T) {
	const source = `
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf SEC(".maps");
SEC("syscall") int emit(void *ctx)
{
	unsigned int e[2] = { 3, 4 };
	return bpf_ringbuf_output(&ring, e, sizeof(e), 0);
}`
	for name, records := range map[string]func(*skel.Loaded) iter.Seq2[*event, error]{
		"ring buffer": func(l *skel.Loaded) iter.Seq2[*event, error] {
			var ring *skel.Ring[event]
			skel.RingOf(l, "ring", &ring)
			return ring.Records(t.Context())
		},
		"perf buffer": func(l *skel.Loaded) iter.Seq2[*event, error] {
			var perf *skel.PerfBuf[event]
			skel.PerfBufOf(l, "perf", &perf)
			return perf.Records(t.Context(), nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := load(t, open(t, source))
			all := records(l)
			ended := make(chan error, 1)
			go func() {
				var last error
				for _, last = range all {
				}
				ended <- last
			}()
			testkit.UntilBlocked(t, "stream.(*Stream).wait", 1)
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			select {
			case err := <-ended:
				if !errors.Is(err, bpf.ErrClosed) {
					t.Errorf("the loop ended with %v", err)
				}
			case <-time.After(testkit.Patience(10 * time.Second)):
				t.Fatal("the loop waits on")
			}
			for _, err := range all {
				if !errors.Is(err, bpf.ErrClosed) {
					t.Errorf("a loop after Close: %v", err)
				}
			}
		})
	}
	t.Run("in the loop's body", func(t *testing.T) {
		l := load(t, open(t, source))
		var ring *skel.Ring[event]
		skel.RingOf(l, "ring", &ring)
		run(t, l, "emit")
		var last error
		for e, err := range ring.Records(t.Context()) {
			if last = err; err != nil {
				continue
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if *e != (event{3, 4}) {
				t.Errorf("after Close, the record is %+v", e)
			}
		}
		if !errors.Is(last, bpf.ErrClosed) {
			t.Errorf("the loop ended with %v", last)
		}
	})
}

// TestSpecAfterLoad: what is done with the object's values after the load doesn't reach the loaded
// variables, and the object starts with the values as compiled. Oracle: a program in the kernel,
// which returns its variables.
func TestSpecAfterLoad(t *testing.T) {
	const source = `
const volatile unsigned int r = 3;
unsigned int d = 5, z;
SEC("syscall") int sum(void *ctx) { return r * 10000 + d * 100 + z; }
`
	o := open(t, source)
	var rodata, data, bss *uint32
	skel.Section(o, ".rodata", &rodata)
	skel.Section(o, ".data", &data)
	skel.Section(o, ".bss", &bss)
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	*rodata, *data, *bss = 4, 6, 7
	l := load(t, o)
	var constant skel.Const[uint32]
	skel.LiveConst(l, ".rodata", &constant)
	skel.LiveSection(l, ".data", &data)
	skel.LiveSection(l, ".bss", &bss)
	*data++
	if got := run(t, l, "sum"); got != 40707 {
		t.Fatalf("the program returns %d", got)
	}

	again, err := bpf.Load(o.Object, nil)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	defer again.Close()
	if r, err := again.Program("sum").Run(nil); err != nil || r.Return != 30500 {
		t.Errorf("the object that was loaded again returns %d, %v", r.Return, err)
	}
	for _, name := range []string{"r", "d", "z"} {
		if err := o.Object.Variable(name).Set(9); err != nil {
			t.Error(err)
		}
	}
	if got := run(t, l, "sum"); got != 40707 {
		t.Errorf("with other values in the object the program returns %d", got)
	}
}

// TestGrownBss: .bss that was made longer than its memory is loaded after a failed load, with the
// values set since. Oracle: the kernel, which refuses a map without entries and a value of another
// length, and the program, which returns its variable.
func TestGrownBss(t *testing.T) {
	o := open(t, `
unsigned int z, tail[1];
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, int);
} m SEC(".maps");
SEC("syscall") int get(void *ctx) { return z + tail[0] + !bpf_map_lookup_elem(&m, &z); }
`)
	var bss *[2]uint32
	skel.Section(o, ".bss", &bss)
	var m *object.Map
	o.Map("m", &m)
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	if err := o.Object.Map(".bss").SetValueSize(4 + 4*1<<15); err != nil {
		t.Fatal(err)
	}
	m.MaxEntries = 0
	if l, err := o.Load(nil); err == nil {
		l.Close()
		t.Fatal("a map without entries was created")
	}
	m.MaxEntries = 1
	bss[1] = 7
	if got := run(t, load(t, o), "get"); got != 7 {
		t.Errorf("the program returns %d, want 7", got)
	}
}

// TestGrownData: after a failed load, variables of a section that was made longer can be set back
// to what they were compiled with. Oracle: as for TestGrownBss.
func TestGrownData(t *testing.T) {
	const source = `
unsigned int d SEC(".data.grows") = 5, tail[1] SEC(".data.grows") = { 1 };
unsigned int z SEC(".bss.grows"), more[1] SEC(".bss.grows");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, int);
} m SEC(".maps");
SEC("syscall") int get(void *ctx)
{
	return d * 1000 + tail[0] * 100 + z * 10 + more[0] + !bpf_map_lookup_elem(&m, &z);
}
`
	o := open(t, source)
	var data, bss *[2]uint32
	skel.Section(o, ".data.grows", &data)
	skel.Section(o, ".bss.grows", &bss)
	var m *object.Map
	o.Map("m", &m)
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".data.grows", ".bss.grows"} {
		if err := o.Object.Map(name).SetValueSize(4 + 4*1<<15); err != nil {
			t.Fatal(err)
		}
	}
	data[0], data[1], bss[0], bss[1] = 6, 2, 3, 4
	m.MaxEntries = 0
	if l, err := o.Load(nil); err == nil {
		l.Close()
		t.Fatal("a map without entries was created")
	}
	m.MaxEntries = 1
	data[0], bss[0], bss[1] = 5, 0, 1
	if got := run(t, load(t, o), "get"); got != 5201 {
		t.Errorf("the program returns %d, want 5201", got)
	}
}

// TestNothing: loops over records of rings that are nil or zero end with an error, without a panic.
func TestNothing(t *testing.T) {
	last := func(records iter.Seq2[*event, error]) (last error) {
		for _, last = range records {
		}
		return last
	}
	for what, ring := range map[string]*skel.Ring[event]{"nil": nil, "zero": {}} {
		if err := last(ring.Records(t.Context())); !errors.Is(err, bpf.ErrNotExist) {
			t.Errorf("%s Ring: %v", what, err)
		}
	}
	for what, buf := range map[string]*skel.PerfBuf[event]{"nil": nil, "zero": {}} {
		if err := last(buf.Records(t.Context(), nil)); !errors.Is(err, bpf.ErrNotExist) {
			t.Errorf("%s PerfBuf: %v", what, err)
		}
	}
}
