package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// tooLow is the limit with which countingKernel creates nothing.
const tooLow = 64 << 10

// countingKernel is a kernel that counts BPF objects against RLIMIT_MEMLOCK, as all do before 5.11:
// while the limit is tooLow it creates none, and it has no helper ktime_get_coarse_ns.
type countingKernel struct{ funnel.Kernel }

func (k countingKernel) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	switch cmd {
	case uapi.CmdProgLoad, uapi.CmdMapCreate, uapi.CmdBTFLoad:
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil || limit.Cur <= tooLow {
			return -1, syscall.EPERM
		}
	}
	if cmd == uapi.CmdProgLoad {
		a := (*sys.ProgLoadAttr)(attr)
		if insns := unsafe.Slice(
			(*asm.Instruction)(a.Insns.Unsafe()), a.InsnCnt); insns[0] == asm.EmitCall(160) {
			return -1, syscall.EINVAL
		}
	}
	return k.Kernel.BPF(cmd, attr, size, common)
}

// again runs one test of this binary in a process of its own, which gets its task in an environment
// variable.
func again(t *testing.T, test, variable, value string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"="+value)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s of %s: %v\n%s", test, value, err, out)
	}
	return string(out)
}

const memlockChild = "PUREBPF_TEST_MEMLOCK"

// TestMemlock loads on a kernel that counts against RLIMIT_MEMLOCK. The oracle is the features of
// the same kernel with an infinite limit: if the limit is raised too late, features look missing:
// names, types, variables. Where it can't be raised the errors say so.
func TestMemlock(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	for _, what := range []string{"load", "create", "refused"} {
		if out := again(t, "TestMemlockChild",
			memlockChild, what); !strings.Contains(out, "--- PASS: TestMemlockChild") {
			t.Errorf("%s: %s", what, out)
		}
	}
}

// TestMemlockChild is the part of TestMemlock that needs a process of its own: a process raises its
// limit once.
func TestMemlockChild(t *testing.T) {
	what := os.Getenv(memlockChild)
	if what == "" {
		testkit.Skip(t, "part of TestMemlock, which runs it")
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur = tooLow; limit.Max <= tooLow {
		testkit.Skip(t, "the hard limit of locked memory is %d bytes", limit.Max)
	}
	if what == "refused" {
		limit.Max = tooLow
		withoutCapability(t, kernel.CapSysResource)
	}
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		t.Fatal(err)
	}
	defer funnel.Replace(countingKernel{})()
	spec := &object.Map{Type: uapi.MapArray, KeySize: 4, ValueSize: 4, MaxEntries: 1, Name: "one"}
	switch what {
	case "create":
		m, err := bpf.CreateMap(spec, nil)
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
		return
	case "refused":
		obj, err := bpf.Load(open(t, "sections"), nil)
		if err == nil {
			obj.Close()
		}
		m, createErr := bpf.CreateMap(spec, nil)
		if createErr == nil {
			m.Close()
		}
		for _, err := range []error{err, createErr} {
			if !errors.Is(err, bpf.ErrPermission) ||
				!strings.Contains(err.Error(), "RLIMIT_MEMLOCK") {
				t.Error(err)
			}
		}
		return
	}
	logger, book := logBook()
	obj, err := bpf.Load(only(open(t, "sections"), "count", "switched"),
		&bpf.LoadOptions{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	m, err := obj.Map(".bss").Info()
	if err != nil || m.Name == "" || m.ValueTypeID == 0 {
		t.Errorf("the map has no name or no type: %+v, %v", m, err)
	}
	p, err := obj.Program("count").Info()
	if err != nil || p.Name != "count" || p.NumLineInfo == 0 {
		t.Errorf("the program has no name or no lines: %+v, %v", p, err)
	}
	if n, err := obj.Variable("runs").Bytes(); err != nil || len(n) != 8 {
		t.Errorf("its variables are not mapped: %v", err)
	}
	if !logged(book, "RLIMIT_MEMLOCK") || logged(book, "could not be found out") {
		t.Errorf("log: %s", book)
	}
}

// withoutCapability drops a capability of this test permanently.
func withoutCapability(t *testing.T, c kernel.Capability) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
	data[c/32].Effective &^= 1 << (c % 32)
	if err := unix.Capset(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
}
