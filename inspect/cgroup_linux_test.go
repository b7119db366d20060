package inspect_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"

	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/nolink"
)

// TestCgroupHooks lists everything that is attached to a cgroup. The oracle is bpftool.
func TestCgroupHooks(t *testing.T) {
	dir := testkit.Cgroup(t)
	below := dir + "/below"
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(below)
	names := []string{"first", "second", "connect4"}
	obj := bpftest.Load(t, "../testdata/cgroup.bpf.o", names...)
	multi := &nolink.CgroupOptions{Mode: nolink.CgroupMulti}
	for _, name := range names {
		if err := nolink.AddCgroup(obj.Program(name), dir, multi); err != nil {
			t.Fatal(err)
		}
	}
	type program struct {
		ID         uint32
		AttachType string `json:"attach_type"`
	}
	for _, effective := range []bool{false, true} {
		args := []string{"-j", "cgroup", "show", dir}
		if effective {
			args = []string{"-j", "cgroup", "show", below, "effective"}
		}
		var want, got []program
		out := testkit.Run(t, "bpftool", args...)
		if err := json.Unmarshal(out, &want); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		hooks, err := inspect.CgroupHooks(args[3], effective)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hooks {
			for _, p := range h.Programs {
				got = append(got, program{p.ProgramID, h.Where.String()})
			}
		}
		if !slices.Equal(got, want) || len(got) != 3 {
			t.Errorf("effective %v: %+v, bpftool says %+v", effective, got, want)
		}
	}
	var paths []string
	for path, err := range inspect.Cgroups(dir) {
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	if !slices.Equal(paths, []string{dir, below}) {
		t.Errorf("%q", paths)
	}
	if _, err := inspect.CgroupHooks(t.TempDir(), false); err == nil {
		t.Error("a directory that is no cgroup has hooks")
	}
	for _, err := range inspect.Cgroups(dir + "/absent") {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
}
