package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
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

// Oracle: the file that the test executes, and the kernel's answer to the forbidden one.
func TestLsm(t *testing.T) {
	testkit.Root(t)
	trampolines(t)
	if !kernel.Running().RunsLSM("bpf") {
		testkit.Skip(t, "bpf is not among the kernel's security modules")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	denied := filepath.Join(t.TempDir(), "forbidden")
	if err := os.Symlink(self, denied); err != nil {
		t.Fatal(err)
	}
	p := testkit.Start(t, "-deny", denied)
	p.Line(t, "the start", func(line string) bool {
		return line == "executed files, until Ctrl-C:"
	})
	allowed := exec.Command(self, "-test.list", "^$")
	if err := allowed.Run(); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("pid %d: %s: allowed", allowed.ProcessState.Pid(), self)
	p.Line(t, want, func(line string) bool { return line == want })
	if err := exec.Command(denied).Run(); !errors.Is(err, syscall.EPERM) {
		t.Errorf("the forbidden file: %v", err)
	}
	p.Line(t, "the forbidden file", func(line string) bool {
		return strings.HasSuffix(line, denied+": operation not permitted")
	})
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
