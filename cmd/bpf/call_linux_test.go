package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestRunCall runs programs once. The oracle is the kernel, which runs testdata/call.bpf.c: what
// its programs compute is written there.
func TestRunCall(t *testing.T) {
	testkit.Root(t)
	testkit.LittleEndian(t)
	obj := compiled(t, "call")
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	packet := write("packet", []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	args := write("args", append([]byte{21}, make([]byte, 23)...))
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		args []string
		says string
		fail bool
	}{
		{args: []string{"add", "--ctx", `{"a":20,"name":"abc","what":"EVERYTHING"}`},
			says: "add returned 40 (0x28)\n" +
				"ctx {.a = 20, .name = \"Nbc\", .what = EVERYTHING, .sum = 27}\n"},
		{args: []string{"add"}, says: "add returned 0 (0x0)\nctx {.a = 0, .name = \"N\""},
		{args: []string{"add", "--ctx", args}, says: "add returned 42 "},
		{args: []string{"add", "--ctx", "0x15" + strings.Repeat("00", 23)}, says: "add returned 42 "},
		{args: []string{"add", "--json", "--ctx", `{"a":-1}`},
			says: `{"program":"add","return":4294967294,"duration_ns":0,` +
				`"ctx":{"a":-1,"name":"N","what":"NOTHING","sum":-1}}`},
		{args: []string{"raw"}, says: "raw returned -3 (0xfffffffd)\n"},
		{args: []string{"raw", "--ctx", "0102"}, says: "(0xfffffffd)\nctx 0102\n"},
		{args: []string{"pass", "--data", packet}, says: "\ndata ee02030405060708090a0b0c0d0e0f\n"},
		{args: []string{"sum", "--ctx", "01000000000000000200000000000000"}, says: "sum returned 3 "},

		{[]string{"ad"}, "near: add", true},
		{[]string{"pass"}, "runs on a packet of at least 14 bytes: --data FILE gives it", true},
		{[]string{"pass", "--data", "/dev/zero"}, "--data: /dev/zero: a device", true},
		{[]string{"pass", "--data", fifo}, "fifo", true},
		{[]string{"pass", "--data", dir}, "directory", true},
		{[]string{"raw", "--data", packet}, "--data: program raw (SEC syscall) takes no packet", true},
		{[]string{"add", "--ctx", "/dev/zero"}, "/dev/zero: a device", true},
		{[]string{"add", "--ctx", "00"}, "1 bytes; struct args has 24", true},
		{[]string{"add", "--ctx", "0x0"}, "odd length", true},
		{[]string{"add", "--ctx", "missing"}, "neither JSON nor hexadecimal digits nor a file", true},
		{[]string{"add", "--ctx", `{"nam":"x"}`}, `ctx has no field "nam"; near: name`, true},
		{[]string{"add", "--ctx", `{"what":"ALL"}`}, "it has NOTHING, EVERYTHING", true},
		{[]string{"add", "--ctx", `{"a":`}, "not JSON: unexpected EOF", true},
		{[]string{"add", "--ctx", `{"name":"123456789"}`}, "has 9 bytes", true},
		{[]string{"raw", "--ctx", `{"a":1}`}, "has no struct type", true},
		{[]string{"raw", "--ctx", strings.Repeat("00", 1<<16)}, "at most 65535", true},
		{[]string{"sample"}, "programs of type perf_event cannot be run by themselves", true},
	} {
		out, err := verb(append([]string{"run", obj, "--call"}, x.args...)...)
		if err != nil && !x.fail {
			testkit.SkipRefused(t, err, "syscall")
		}
		if err != nil {
			out += err.Error()
		}
		if (err != nil) != x.fail || !strings.Contains(out, x.says) {
			t.Errorf("--call %.80q: %v\n%.500s", x.args, err, out)
		}
	}
	if out, err := verb("run", obj, "--ctx", "00"); err == nil ||
		!strings.Contains(err.Error(), "--call PROGRAM") {
		t.Errorf("--ctx alone: %v\n%s", err, out)
	}
}
