package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/scaffold"
	"github.com/purebpf/bpf/internal/testkit"
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

// TestNew makes a project of each kind, with each style of name, generates, vets and builds it, and
// runs its test where the kernel has that kind. Oracles: clang, go vet and the project's test, to
// which the running program prints what it sees.
func TestNew(t *testing.T) {
	testkit.Root(t)
	testkit.Tool(t, "clang-19")
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	some := 3
	if testing.Short() {
		some = 1
	}
	kinds := testkit.Spread(t, "kinds", scaffold.Kinds, some)
	names := []string{"hello", "tc_2", "My-Probe"}
	resolved := map[string][]byte{} // go.mod and go.sum, the same for projects of the same name
	for i, kind := range kinds {
		t.Run(kind.Name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			name := names[min(i, len(names)-1)]
			if out, err := runNew(name, "--kind", kind.Name, "--replace", checkout); err != nil ||
				!strings.Contains(out, "  cd "+name+"\n") {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Chdir(name)
			command := func(args ...string) *exec.Cmd {
				cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
				cmd.Env = append(os.Environ(), "GOPROXY=off", "GOSUMDB=off", "GOWORK=off",
					"GOFLAGS=")
				return cmd
			}
			run := func(args ...string) string {
				t.Helper()
				out, err := command(args...).CombinedOutput()
				if err != nil {
					t.Fatalf("%q: %v\n%s", args, err, out)
				}
				return string(out)
			}
			if mod := resolved[name+"/go.mod"]; mod != nil {
				write(t, "go.mod", string(mod))
				write(t, "go.sum", string(resolved[name+"/go.sum"]))
			} else {
				run("go", "get", "github.com/purebpf/bpf")
				run("go", "get", "-tool", "github.com/purebpf/bpf/cmd/bpf")
				for _, file := range []string{"go.mod", "go.sum"} {
					if resolved[name+"/"+file], err = os.ReadFile(file); err != nil {
						t.Fatal(err)
					}
				}
			}
			run("go", "generate")
			if out := run("gofmt", "-l", "."); out != "" {
				t.Errorf("gofmt would change %s", out)
			}
			run("go", "vet", ".")
			run("go", "build")
			run("go", "test", "-c", "-o", "it.test")
			if why := lacks(kind.Name); why != "" {
				testkit.Skip(t, "built; not run: %s", why)
			}
			out := run("unshare", "-m", "sh", "-c", "mount -t cgroup2 none /sys/fs/cgroup; "+
				"exec ./it.test -test.v")
			t.Logf("%s", out)
			if !strings.Contains(out, "--- PASS: TestPrints") {
				t.Error("the test didn't run")
			}
		})
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
