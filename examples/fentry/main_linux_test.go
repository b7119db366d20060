package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the file that the test removes.
func TestFentry(t *testing.T) {
	testkit.Root(t)
	trampolines(t)
	p := testkit.Start(t)
	p.Line(t, "the start", func(line string) bool {
		return line == "removed files, until Ctrl-C:"
	})
	path := filepath.Join(t.TempDir(), "short-lived")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(" pid %d: short-lived: removed ", os.Getpid())
	p.Line(t, want, func(line string) bool { return strings.Contains(line, want) })
}

// trampolines skips on a kernel that has no BPF trampolines, or refuses them to everybody.
func trampolines(t *testing.T) {
	testkit.VmlinuxBTF(t)
	config, err := kernel.Running().Kconfig()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(config), "\nCONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y\n") {
		testkit.Skip(t, "the kernel was built without CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS")
	}
	if _, err := kernel.Running().HasProgType(uapi.ProgLSM); errors.Is(err, syscall.EPERM) {
		testkit.Skip(t, "the kernel refuses LSM programs, and fentry with them, even to root")
	}
}
