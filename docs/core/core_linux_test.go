package core

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The examples of core.md load and give the right values. Oracles: getppid(2), the state of a
// process that runs (0), bpftool's listing of the kernel's BTF, uname(2).
func TestCoreExamples(t *testing.T) {
	testkit.Root(t)
	t.Run("parent", func(t *testing.T) {
		obj := runExample(t)
		if got := *variable[int32](t, obj, "parent"); int(got) != os.Getppid() {
			t.Errorf("parent %d, want %d", got, os.Getppid())
		}
	})
	t.Run("renamed", func(t *testing.T) {
		if got := *variable[int64](t, runExample(t), "state"); got != 0 {
			t.Errorf("state %d of a process that runs", got)
		}
	})
	t.Run("question", func(t *testing.T) {
		obj := runExample(t)
		listing := string(testkit.Run(t, "bpftool", "btf", "dump", "file",
			"/sys/kernel/btf/vmlinux"))
		size := number(t, listing, `STRUCT 'task_struct' size=(\d+)`)
		if got := *variable[uint32](t, obj, "task_size"); int(got) != size {
			t.Errorf("task_struct has %d bytes, want %d", got, size)
		}
		memory := strings.Contains(listing, "'memory_cgrp_id'")
		for name, want := range map[string]bool{
			"has_task": true, "has_other": false, "has_memory": memory,
		} {
			if got := *variable[bool](t, obj, name); got != want {
				t.Errorf("%s is %t", name, got)
			}
		}
		if memory {
			want := number(t, listing, `'memory_cgrp_id' val=(\d+)`)
			if got := *variable[int32](t, obj, "memory"); int(got) != want {
				t.Errorf("memory_cgrp_id is %d, want %d", got, want)
			}
		}
	})
	t.Run("setting", func(t *testing.T) {
		var name syscall.Utsname
		if err := syscall.Uname(&name); err != nil {
			t.Fatal(err)
		}
		var release string
		for _, c := range name.Release {
			release += string(rune(c))
		}
		v := *variable[int32](t, runExample(t), "version")
		major, minor := strconv.Itoa(int(v>>16)), strconv.Itoa(int(v>>8&0xff))
		if !strings.HasPrefix(release, major+"."+minor) {
			t.Errorf("version %s.%s, want %s", major, minor, release)
		}
	})
}

// runExample runs the example that the subtest is named after once, in this thread.
func runExample(t *testing.T) *bpf.Object {
	t.Helper()
	name := filepath.Base(t.Name())
	text, err := os.ReadFile(filepath.Join("testdata", name+".bpf.c"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := bpf.Open(testkit.Compile(t, string(text), "-I../../include"), nil)
	if err != nil {
		t.Fatal(err)
	}
	obj, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { obj.Close() })
	if _, err := obj.Program("example").Run(&bpf.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	return obj
}

func variable[T any](t *testing.T, obj *bpf.Object, name string) *T {
	t.Helper()
	p, err := bpf.VarOf[T](obj.Variable(name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func number(t *testing.T, text, pattern string) int {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("nothing like %s", pattern)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
