package printk

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestFormats: the formats of bpf_printk are found in code that clang made. Oracle: the source, and
// the messages that the kernel's printf makes of such formats.
func TestFormats(t *testing.T) {
	const head = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
static __noinline __attribute__((unused)) int sub(int n) { bpf_printk("sub %d", n); return n; }
SEC("raw_tp") int program(struct bpf_raw_tracepoint_args *ctx) { `
	for _, c := range []struct {
		name, body string
		unknown    bool
		own        []string
		other      []string
	}{
		{"constant", `bpf_printk("hello"); bpf_printk("x=%x p=%p", (int)ctx->args[0], ctx); return 0; }`,
			false, []string{"hello", "x=ff p=0000000012345678"},
			[]string{"hello!", " hello", "x=fg p=1", "sub 1"}},
		{"several arguments",
			`bpf_printk("%d %s %llu %c%%", 1, "a", ctx->args[0], 65); return sub(ctx->args[0]); }`,
			false, []string{"-1 some text 18446744073709551615 A%", "sub 7"},
			[]string{"x some text 1 A%", "sub x"}},
		{"a branch", `if (ctx->args[0]) bpf_printk("yes %-5d|", 1); else bpf_printk("no"); return 0; }`,
			false, []string{"yes 1    |", "no"}, []string{"yes", "maybe"}},
		{"on the stack", `char fmt[] = "stack %d"; fmt[0] = ctx->args[0];
			bpf_trace_printk(fmt, sizeof(fmt), 1); return 0; }`,
			true, []string{"anything"}, nil},
		{"a sign", `bpf_printk("%+d|", 1); return 0; }`, false, []string{"+5|", "-5|"}, []string{"|"}},
		{"not UTF-8", `bpf_printk("gr\xf6\xdf" "e %d", 1); return 0; }`, true, []string{"anything"}, nil},
		{"none", `return 0; }`, false, nil, []string{"", "hello"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := os.ReadFile(testkit.Compile(t, head+c.body))
			if err != nil {
				t.Fatal(err)
			}
			o, err := object.Parse(raw, "x")
			if err != nil {
				t.Fatal(err)
			}
			f := FormatsOf(o)
			if f.Unknown != c.unknown || f.None() != (len(c.own) == 0) {
				t.Errorf("formats %q, unknown %v", f.list, f.Unknown)
			}
			for _, m := range c.own {
				if !f.Match(m) {
					t.Errorf("formats %q don't match %q", f.list, m)
				}
			}
			for _, m := range c.other {
				if f.Match(m) {
					t.Errorf("formats %q match %q", f.list, m)
				}
			}
		})
	}
}

// TestPipe: lines of trace_pipe. Oracle: lines that a kernel wrote.
func TestPipe(t *testing.T) {
	r := &Reader{formats: &Formats{Unknown: true}}
	var got []Message
	each := func(m Message) error { got = append(got, m); return nil }
	const pipe = "           <...>-1234    [001] ...11  5413.123456: bpf_trace_printk: hello\n" +
		"CPU:1 [LOST 42 EVENTS]\n" +
		"     my [task-77      [000] d..21  5413.2: bpf_trace_printk: two\nlines: bpf\n\n" +
		"            bash-5       [000] d..21  5413.3: bpf_trace_printk: end\n\n"
	for len(got) < 1000 { // in pieces of all sizes
		step := len(got)/4 + 1
		for piece := range slices.Chunk([]byte(pipe), step) {
			if err := r.lines(piece, each); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.flush(each); err != nil {
			t.Fatal(err)
		}
		want := []Message{{Task: "<...>-1234", Text: "hello"}, {Lost: 42},
			{Task: "my [task-77", Text: "two\nlines: bpf"}, {Task: "bash-5", Text: "end"}}
		if !slices.Equal(got[len(got)-4:], want) {
			t.Fatalf("pieces of %d: %q, want %q", step, got[len(got)-4:], want)
		}
	}
}

// TestLeftInstance: an instance of a killed process is removed. Oracle: tracefs.
func TestLeftInstance(t *testing.T) {
	testkit.Root(t)
	root := testkit.Tracefs(t)
	const dead = 1 << 30
	left := filepath.Join(root, "instances", prefix+"1073741824")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	r, err := New(root, &Formats{}, func(pid int) bool { return pid != dead })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", left, err)
	}
	if _, err := New(root, &Formats{}, func(int) bool { return true }); !os.IsExist(err) {
		t.Errorf("a second instance of this process: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(r.dir); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", r.dir, err)
	}
	if _, err := New(t.TempDir(), &Formats{}, func(int) bool { return true }); !os.IsNotExist(err) {
		t.Errorf("without tracefs: %v", err)
	}
}
