package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/scaffold"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/internal/vm"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

func runNew(args ...string) (string, error) {
	var out bytes.Buffer
	root := newRootCommand()
	root.SetArgs(append([]string{"new"}, args...))
	root.SetOut(&out)
	err := root.Execute()
	return out.String(), err
}

// Bad names, kinds and places are refused, and nothing is left behind. Oracle: the file system.
func TestNewRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, x := range []struct {
		args []string
		says string
	}{
		{[]string{""}, `"" is no name for a project`},
		{[]string{"a/b"}, `"a/b" is no name for a project`},
		{[]string{".."}, `".." is no name for a project`},
		{[]string{"1st"}, "want a letter"},
		{[]string{"a\nb"}, `"a\nb" is no name`},
		{[]string{strings.Repeat("a", 64)}, "up to 62"},
		{[]string{"x", "--kind", "xpd"}, "--kind xpd: want one of xdp, tracepoint, kprobe"},
	} {
		_, err := runNew(x.args...)
		if err == nil || !strings.Contains(err.Error(), x.says) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", x.args, err)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	for what, make := range map[string]func() error{
		"folder": func() error { return os.Mkdir("there", 0o755) },
		"file":   func() error { return os.WriteFile("there", nil, 0o644) },
		"link":   func() error { return os.Symlink("nowhere", "there") },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		_, err := runNew("there")
		if !errors.Is(err, fs.ErrExist) ||
			err.Error() != "mkdir there: file exists: choose another name" {
			t.Errorf("%s: %v", what, err)
		}
		if err := os.Remove("there"); err != nil { // fails if something was written into it
			t.Fatal(err)
		}
	}
	t.Chdir("/proc")
	if _, err := runNew("x"); err == nil || !strings.Contains(err.Error(), "mkdir x: ") {
		t.Errorf("in /proc: %v", err)
	}
}

// projects makes projects of bpf new, which use this checkout.
type projects struct {
	checkout string
	resolved map[string][]byte // go.mod and go.sum, the same for projects of the same name
}

func newProjects(t *testing.T) *projects {
	t.Helper()
	testkit.Root(t)
	testkit.Tool(t, "clang-19")
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return &projects{checkout, map[string][]byte{}}
}

// build makes a project, generates, vets and builds it, and returns its test, a static program.
func (p *projects) build(t *testing.T, name, kind string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if out, err := runNew(name, "--kind", kind, "--replace", p.checkout); err != nil ||
		!strings.Contains(out, "  cd "+name+"\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Chdir(name)
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOSUMDB=off", "GOWORK=off", "GOFLAGS=",
			"CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if mod := p.resolved[name+"/go.mod"]; mod != nil {
		write(t, "go.mod", string(mod))
		write(t, "go.sum", string(p.resolved[name+"/go.sum"]))
	} else {
		run("go", "get", "github.com/purebpf/bpf")
		run("go", "get", "-tool", "github.com/purebpf/bpf/cmd/bpf")
		for _, file := range []string{"go.mod", "go.sum"} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p.resolved[name+"/"+file] = text
		}
	}
	run("go", "generate")
	if out := run("gofmt", "-l", "."); out != "" {
		t.Errorf("gofmt would change %s", out)
	}
	run("go", "vet", ".")
	run("go", "build")
	run("go", "test", "-c", "-o", "it.test")
	test, err := filepath.Abs("it.test")
	if err != nil {
		t.Fatal(err)
	}
	return test
}

// TestNew makes a project of each kind, with each style of name, generates, vets and builds it, and
// runs its test where the kernel has that kind. Oracles: clang, go vet and the project's test, to
// which the running program prints what it sees.
func TestNew(t *testing.T) {
	p := newProjects(t)
	some := 3
	if testing.Short() {
		some = 1
	}
	kinds := testkit.Spread(t, "kinds", scaffold.Kinds, some)
	names := []string{"hello", "tc_2", "My-Probe"}
	for i, kind := range kinds {
		t.Run(kind.Name, func(t *testing.T) {
			test := p.build(t, names[min(i, len(names)-1)], kind.Name)
			if why := lacks(kind.Name); why != "" {
				testkit.Skip(t, "built; TestNewInMachine runs it: %s", why)
			}
			cmd := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-c",
				"mount -t cgroup2 none /sys/fs/cgroup; exec "+test+" -test.v")
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			if err != nil || !strings.Contains(string(out), "--- PASS: TestPrints") {
				t.Errorf("the project's test: %v", err)
			}
		})
	}
}

// TestNewInMachine runs the tests of projects, which were built here, in a machine with Linux 6.12,
// first those of the kinds that kernels of containers lack. Oracle: as of TestNew.
func TestNewInMachine(t *testing.T) {
	p := newProjects(t)
	k, err := vm.FindKernel(filepath.Join(testkit.Cache(), "kernels"), "6.12")
	if err != nil {
		testkit.Skip(t, "%v", err)
	}
	if k.Arch != runtime.GOARCH {
		testkit.Skip(t, "the kernel is for %s", k.Arch)
	}
	testkit.Tool(t, "qemu-system-x86_64")
	testkit.Tool(t, "busybox")
	dir := t.TempDir()
	guest := filepath.Join(dir, "guest")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", guest, "../../internal/vm/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	root := vm.NewInitramfs(k, guest)
	kinds := []string{"fentry", "lsm", "kprobe"}
	for _, kind := range scaffold.Kinds {
		if !slices.Contains(kinds, kind.Name) {
			kinds = append(kinds, kind.Name)
		}
	}
	kinds = testkit.Spread(t, "kinds in a machine", kinds, 1)
	var job vm.Job
	for _, kind := range kinds {
		inside := "/tests/" + kind
		root.Add(p.build(t, "hello", kind), inside)
		job.Commands = append(job.Commands, vm.Command{Path: inside, Args: []string{"-test.v"},
			Dir: "/tmp", Env: []string{"PATH=/usr/bin:/bin", "HOME=/root"}, Timeout: 3 * time.Minute})
	}
	if err := root.AddProgram("/usr/bin/ls"); err != nil { // of the C library, for uprobe
		t.Fatal(err)
	}
	if slices.Contains(kinds, "usdt") {
		addPython(t, root)
	}
	if err := root.Job(k, job, "sch_ingress", "cls_bpf"); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(dir, "image")
	if err := root.WriteFile(image); err != nil {
		t.Fatal(err)
	}
	output, passed := make([]strings.Builder, len(kinds)), make([]bool, len(kinds))
	err = vm.Run(t.Context(), vm.Machine{Kernel: k, Initramfs: image, Append: "lsm=bpf",
		Timeout: 20 * time.Minute}, func(r vm.Report) error {
		if r.Warning != "" {
			return errors.New(r.Warning)
		}
		output[r.Command].Write(r.Output)
		passed[r.Command] = r.Ended && r.Status == 0
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for i, kind := range kinds {
		out := output[i].String()
		t.Logf("%s:\n%s", kind, out)
		if !passed[i] || !strings.Contains(out, "--- PASS: TestPrints") {
			t.Errorf("%s: the project's test failed", kind)
		}
	}
}

// lacks says what the host lacks to run a program of a kind.
func lacks(kind string) string {
	switch kind {
	case "kprobe":
		if _, err := os.Stat("/sys/bus/event_source/devices/kprobe"); err != nil {
			return "the kernel has no kprobes"
		}
	case "fentry", "lsm":
		if has, err := kernel.Running().HasProgType(uapi.ProgLSM); !has {
			return "the kernel refuses LSM programs, and fentry with them: " + errorText(err)
		}
		if kind == "lsm" && !kernel.Running().RunsLSM("bpf") {
			return "bpf is not among the kernel's security modules"
		}
	case "usdt":
		if _, err := os.Stat("/usr/bin/python3"); err != nil {
			return "no Python"
		}
	}
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return "the programs are little-endian"
	}
	return ""
}

func errorText(err error) string {
	if err == nil {
		return "no such type"
	}
	return err.Error()
}

// addPython copies Python to a machine, with the modules that it loads to import colorsys.
func addPython(t *testing.T, root *vm.Initramfs) {
	t.Helper()
	python := testkit.Tool(t, "/usr/bin/python3") // the one that the project's test starts
	if err := root.AddProgram(python); err != nil {
		t.Fatal(err)
	}
	text, err := exec.CommandContext(t.Context(), python, "-c", "import sys, colorsys\n"+
		"for m in sys.modules.values(): print(getattr(m, '__file__', None) or '')").Output()
	if err != nil {
		t.Fatal(err)
	}
	for file := range strings.FieldsSeq(string(text)) {
		root.Add(file, file)
	}
}
