package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

const recordSource = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct event { int pid; char comm[16]; };
struct flexible { int pid; char text[]; };
struct tail { int pid; int args; char text[40]; };
struct wide { char raw[316]; };
struct wide *wide;
struct flexible *flexible;
struct event event;
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } other SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32);
	__type(value, struct tail); } heap SEC(".maps");
SEC("xdp") int p(void *ctx) { __u32 k = 0, n;
	bpf_ringbuf_output(&events, &event, sizeof(event), 0);
	long *e = bpf_ringbuf_reserve(&other, 16, 0); if (!e) return 0;
	e[0] = bpf_ktime_get_ns(); ((int *)e)[2] = bpf_get_prandom_u32();
	bpf_ringbuf_submit(e, 0);
	struct tail *t = bpf_map_lookup_elem(&heap, &k); if (!t) return 0;
	n = t->args; if (n > sizeof(t->text)) return 0;
	bpf_ringbuf_output(&events, t, 8 + n, 0); return 0; }
`

func recordObject(t *testing.T) *object.Object {
	t.Helper()
	o, err := bpf.Open(testkit.Compile(t, recordSource), nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Oracle: the C source, whose program outputs a struct event, part of a struct tail, and 12 bytes
// of something.
func TestRecordTypes(t *testing.T) {
	o := recordObject(t)
	for _, row := range []struct {
		flag    string
		stream  string
		data    string
		heading string
		want    string
	}{
		{"", "events", "\x2a\x00\x00\x00id\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
			"events (struct event or struct tail", ""},
		{"", "events", "\x2a\x00\x00\x00\x09\x00\x00\x00sh\x00-c\x00id\x00",
			"events (struct tail, from what p outputs)",
			`pid 42  args 9  text "sh" "-c" "id"`},
		{"", "events", "\x2a\x00\x00\x00", "events (nothing in the object says", "2a000000"},
		{"", "other", "\x07\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00",
			"other (fields as p writes them", "+0 7  +8 8"},
		{"events=event", "events", "\x2a\x00\x00\x00id\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
			"\x00\x00\x00", "events (struct event, from --type)", `pid 42  comm "id"`},
		{"events=event", "events", "\x2a\x00\x00", "events (--type struct event has 20 bytes: " +
			"records of 3 bytes are shown as bytes)", "2a0000"},
		{"events=flexible", "events", "\x2a\x00\x00\x00hello\x00",
			"events (struct flexible, from --type)", ""},
	} {
		var flags []string
		if row.flag != "" {
			flags = []string{row.flag}
		}
		types, err := newRecordTypes(o, flags, nil)
		if err != nil {
			t.Errorf("%+v: %v", row, err)
			continue
		}
		data := []byte(row.data)
		if bigEndian() {
			continue // the data is little-endian
		}
		how := types.of(record{row.stream, len(data), false})
		text, err := appendRecord(nil, how, data)
		if err != nil || row.want != "" && string(text) != row.want {
			t.Errorf("%s %q: %s, %v, want %s", row.stream, row.data, text, err, row.want)
		}
		if !strings.HasPrefix(how.heading, row.heading) && row.want != "" {
			t.Errorf("%s %q: heading %q, want %q", row.stream, row.data, how.heading, row.heading)
		}
		if again := types.of(record{row.stream, len(data), false}); again.heading != "" {
			t.Errorf("%+v: said twice: %q", row, again.heading)
		}
	}
	// The padding of a perf buffer's record is at most seven bytes.
	for text, want := range map[string]string{
		"sh\x00-c\x00": `"sh" "-c"`, "sh\x00-c\x00\x00\x00\x00": `"sh" "-c"`,
		"sh\x00" + strings.Repeat("\x00", 9): `"sh" "" ""`, "\x00\x00": `""`, "": `""`,
	} {
		if got := appendStrings(nil, withoutPadding([]byte(text))); string(got) != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
	for flag, says := range map[string]string{
		"evnts=event":    `no ring or perf buffer "evnts"; near: events`,
		"another=event":  `no ring or perf buffer "another"`,
		"events=no_such": "no_such", "events=": "has no struct", "events=evnet": "near: event",
		"other=wide": "is refused: struct wide has 316 bytes, the programs make records of 16",
	} {
		if _, err := newRecordTypes(o, []string{flag}, nil); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("--type %s: %v", flag, err)
		}
	}
}

// TestRecordsOfOpensnoop: records of a type that the object lacks are shown by fields, and with a
// header by its members. Oracles: the file that this test opens, its process id, and clang.
func TestRecordsOfOpensnoop(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	obj := testkit.CorpusObject(t, "tools/opensnoop.bpf.o")
	missing := filepath.Join(t.TempDir(), "not-there")
	header := filepath.Join(t.TempDir(), "open.h")
	if err := os.WriteFile(header, []byte(`struct event { __u64 ts; pid_t pid; uid_t uid; int ret;
		int flags; __u64 callers[2]; char comm[16]; char fname[255]; };`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args []string
		want string
	}{
		{nil, `pid \d+ .*ret -2 .*callers\[0\] \d+ .*comm "[^"]+"  fname "` + regexp.QuoteMeta(missing) + `"`},
		{[]string{"--btf", header}, `ts 0  pid \d+  uid \d+  ret -2 .*fname "` +
			regexp.QuoteMeta(missing) + `"`},
	} {
		if row.args != nil {
			testkit.Tool(t, "clang-19")
			testkit.VmlinuxBTF(t)
		}
		cmd := command(t, append([]string{"run", obj, "--plain"}, row.args...)...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(testkit.Patience(time.Minute), func() { cmd.Process.Kill() })
		defer kill.Stop()
		done := make(chan struct{})
		go func() { // until the record is seen
			for {
				select {
				case <-done:
					return
				default:
					os.Open(missing)
					runtime.Gosched()
				}
			}
		}()
		found := regexp.MustCompile(row.want)
		text := bufio.NewScanner(out)
		match := false
		for !match && text.Scan() {
			match = found.MatchString(text.Text())
		}
		close(done)
		cmd.Process.Signal(syscall.SIGINT)
		io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil || !match {
			t.Errorf("%v: %v, record seen: %v", row.args, err, match)
		}
	}
}
