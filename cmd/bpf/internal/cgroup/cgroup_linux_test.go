package cgroup_test

import (
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/cmd/bpf/internal/cgroup"
	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestCgroup attaches programs to a cgroup and shows them. The oracle is bpftool, except that it
// prints the key attach_btf_name, empty, for programs that have no such function.
func TestCgroup(t *testing.T) {
	dir := testkit.Cgroup(t)
	below := dir + "/below"
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(below)
	obj := bpftest.Load(t, "../../../../testdata/cgroup.bpf.o", "first", "second", "connect4")
	id := func(name string) string {
		return "id " + strconv.FormatUint(uint64(bpftest.ProgramID(t, obj.Program(name))), 10)
	}
	run := func(line string) string {
		t.Helper()
		out, err := zoo.Run(t, cgroup.Command(), strings.Fields(line)...)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		return out
	}
	run("attach " + dir + " cgroup_inet_sock_create " + id("first") + " multi")
	run("attach " + dir + " sock_create " + id("second") + " multi")
	run("attach " + below + " connect4 " + id("connect4") + " override")
	for _, line := range []string{
		"show " + dir, "show " + below, "show " + below + " effective", "tree " + dir,
	} {
		plain := zoo.Bpftool(t, append([]string{"cgroup"}, strings.Fields(line)...)...)
		if got := run(line); trimmed(got) != trimmed(plain) {
			t.Errorf("%s:\n%q\nbpftool:\n%q", line, got, plain)
		}
		want := zoo.Parse(t, zoo.Bpftool(t,
			append([]string{"-j", "cgroup"}, strings.Fields(line)...)...))
		got := zoo.Parse(t, run(line+" -j"))
		omit(want)
		omit(got)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%v\nbpftool:\n%v", line, got, want)
		}
	}
	run("detach " + below + " connect4 " + id("connect4"))
	if got := run("show -j " + below); got != "[]\n" {
		t.Errorf("%s", got)
	}
}

// trimmed removes spaces at the ends of lines: bpftool ends them with an empty column.
func trimmed(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// omit removes the keys about functions of programs that have none.
func omit(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			omit(e)
		}
	case map[string]any:
		for key, e := range v {
			if strings.HasPrefix(key, "attach_btf_") {
				delete(v, key)
			}
			omit(e)
		}
	}
}

// TestBadInput: errors name what is wrong.
func TestBadInput(t *testing.T) {
	testkit.Root(t)
	for _, test := range []struct{ line, want string }{
		{"show", "path of a cgroup is missing"},
		{"show /nonexistent", "no such file"},
		{"show /proc", "/proc"},
		{"show /x y", "not expected"},
		{"attach /x egrss id 1", "near: egress"},
		{"attach /x egress", "name a program"},
		{"attach /x egress id 4294967295", "no such file"},
	} {
		_, err := zoo.Run(t, cgroup.Command(), strings.Fields(test.line)...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.line, err)
		}
	}
}
