package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// ways matches the commands in an error that remove what is in the way.
var ways = regexp.MustCompile(`\b(?:bpf detach|rm) [^;,()]*?(?: detaches| removes| takes|\)|;|,|$)`)

// follow runs the commands that an error names.
func follow(t *testing.T, said string) {
	t.Helper()
	for _, way := range ways.FindAllString(said, -1) {
		args := strings.Fields(strings.TrimRight(way, "),;"))
		if last := args[len(args)-1]; last == "detaches" || last == "removes" || last == "takes" {
			args = args[:len(args)-1]
		}
		var cmd *exec.Cmd
		if args[0] == "bpf" {
			cmd = command(t, args[1:]...)
		} else {
			cmd = exec.Command(args[0], args[1:]...)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%q, of %q: %v: %s", args, said, err, out)
		}
	}
}

// TestPinnedBefore: where an earlier run left its pins, the error of the next one names them, and
// the commands that remove them; after those it succeeds. Oracle: bpftool for the link in the way.
func TestPinnedBefore(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	dir := testkit.BPFFS(t) + "/pins"
	object := compiled(t, "hooks")
	run := func(args ...string) (string, error) {
		out, err := command(t, args...).CombinedOutput()
		return string(out), err
	}
	for program, args := range map[string][]string{
		"count_packets": {"run", "--for", "10ms", "--pin", dir}, // another is refused
		"sample":        {"attach", object, "sample", "perf:cpu-clock", "--pin", dir},
	} {
		if out, err := run(args...); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		out, err := run(args...)
		if err == nil || !strings.Contains(out, "bpf detach "+dir+"/"+program) {
			t.Fatalf("%v: %s", err, out)
		}
		follow(t, out[max(strings.LastIndex(out, "; "), 0):])
		if out, err := run(args...); err != nil {
			t.Fatalf("after what the error says: %v: %s", err, out)
		}
	}
	// Without --pin the error names the link.
	shown := string(testkit.Run(t, "bpftool", "link", "show", "pinned", dir+"/count_packets"))
	id, _, _ := strings.Cut(shown, ":")
	out, err := run("run", "--for", "10ms")
	if err == nil || !strings.Contains(out, "bpf detach "+id+" ") {
		t.Fatalf("%v: %s; bpftool: %s", err, out, shown)
	}
	follow(t, out)
	if out, err := run("run", "--for", "10ms"); err != nil {
		t.Errorf("after bpf detach %s: %v: %s", id, err, out)
	}
	// What isn't a link is removed.
	if err := os.Remove(dir + "/count_packets"); err != nil {
		t.Fatal(err)
	}
	testkit.Run(t, "bpftool", "map", "create", dir+"/count_packets",
		"type", "array", "key", "4", "value", "4", "entries", "1", "name", "other")
	out, err = run("run", "--for", "10ms", "--pin", dir)
	if err == nil || !strings.Contains(out, "rm "+dir+"/count_packets") {
		t.Fatalf("%v: %s", err, out)
	}
	follow(t, out[max(strings.LastIndex(out, "; "), 0):])
	if out, err := run("run", "--for", "10ms", "--pin", dir); err != nil {
		t.Errorf("after rm: %v: %s", err, out)
	}
}
