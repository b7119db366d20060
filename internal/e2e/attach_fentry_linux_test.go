package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file: the system calls that the tests make, and their results.

// hasTrampolines reports false where trampolines skips.
func hasTrampolines(t testing.TB) bool {
	t.Helper()
	if !configured(t, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS") {
		return false
	}
	has, err := kernel.Running().HasProgType(uapi.ProgLSM)
	return err == nil && has
}

// trampolines skips on a kernel that reports that it has no such programs: without ftrace's direct
// calls, or because it refuses them to everybody.
func trampolines(t testing.TB) {
	t.Helper()
	testkit.Root(t)
	if !configured(t, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS") {
		testkit.Skip(t, "the kernel was built without CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS")
	}
	testkit.VmlinuxBTF(t)
	has, err := kernel.Running().HasProgType(uapi.ProgLSM)
	if errors.Is(err, syscall.EPERM) {
		testkit.Skip(t, "the kernel refuses LSM programs, and fentry and freplace with them, even to root")
	}
	if err != nil || !has {
		t.Fatalf("LSM programs: %v, %v", has, err)
	}
}

// TestTraceBusy: a program is attached to its target only once, and the error names the link.
func TestTraceBusy(t *testing.T) {
	trampolines(t)
	obj := threadObject(t, "fentry", "on_entry")
	l := attached(t, obj.Program("on_entry"))
	_, err := obj.Program("on_entry").AttachTrace(nil)
	if !errors.Is(err, syscall.EBUSY) ||
		!strings.Contains(err.Error(), fmt.Sprintf("by link %d", linkID(t, l))) {
		t.Error(err)
	}
}

// TestFentry: fentry and fexit with arguments, result and cookies.
func TestFentry(t *testing.T) {
	trampolines(t)
	obj := threadObject(t, "fentry", "on_entry", "on_exit")
	entered, left := variable[uint64](t, obj, "entered"), variable[uint64](t, obj, "left")
	t.Run("fentry", func(t *testing.T) {
		onThread(t, obj)
		attached(t, obj.Program("on_entry"))
		getpgid(10)
		if *entered != 10 || int(*variable[int32](t, obj, "entry_nr")) != os.Getpid() {
			t.Errorf("10 calls with %d, seen %d with %d",
				os.Getpid(), *entered, *variable[int32](t, obj, "entry_nr"))
		}
		ip, symbol := *variable[uint64](t, obj, "function_ip"), kallsyms(t, "find_task_by_vpid")
		if len(symbol) == 0 || ip < symbol[0] || ip > symbol[0]+4 {
			t.Errorf("function at %#x, in /proc/kallsyms %#x", ip, symbol)
		}
	})
	t.Run("fexit", func(t *testing.T) {
		onThread(t, obj)
		attached(t, obj.Program("on_exit"))
		getpgid(10)
		if *left != 10 || int(*variable[int32](t, obj, "left_pid")) != os.Getpid() {
			t.Errorf("10 calls for %d, seen %d for %d",
				os.Getpid(), *left, *variable[int32](t, obj, "left_pid"))
		}
	})
	t.Run("cookie", func(t *testing.T) {
		onThread(t, obj)
		for i, name := range []string{"on_entry", "on_exit"} {
			l, err := obj.Program(name).AttachTrace(&bpf.CookieOptions{Cookie: 1<<40 + uint64(i)})
			if err != nil {
				t.Fatal(err)
			}
			getpgid(1)
			closeLink(t, l)
		}
		if a, b := *variable[uint64](t, obj, "entry_cookie"),
			*variable[uint64](t, obj, "exit_cookie"); a != 1<<40 || b != 1<<40+1 {
			t.Errorf("cookies %#x, %#x", a, b)
		}
	})
	t.Run("both", func(t *testing.T) {
		onThread(t, obj)
		*entered, *left = 0, 0
		links, err := obj.Attach()
		if err != nil {
			t.Fatal(err)
		}
		getpgid(5)
		if err := links.Close(); err != nil {
			t.Error(err)
		}
		getpgid(5)
		if *entered != 5 || *left != 5 {
			t.Errorf("5 calls while attached, seen %d, %d", *entered, *left)
		}
	})
	t.Run("opened by a pin", func(t *testing.T) {
		onThread(t, obj)
		path := filepath.Join(testkit.BPFFS(t), "program")
		if err := obj.Program("on_exit").Pin(path); err != nil {
			t.Fatal(err)
		}
		p, err := bpf.OpenProgram(path)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		*left = 0
		l, err := p.AttachTrace(&bpf.CookieOptions{Cookie: 77})
		if err != nil {
			t.Fatal(err)
		}
		getpgid(3)
		closeLink(t, l)
		if *left != 3 || *variable[uint64](t, obj, "exit_cookie") != 77 {
			t.Errorf("seen %d with cookie %d", *left, *variable[uint64](t, obj, "exit_cookie"))
		}
	})
}

// TestFentrySleepable: sleepable programs are for system calls, if the kernel has
// CONFIG_FUNCTION_ERROR_INJECTION to list these functions.
func TestFentrySleepable(t *testing.T) {
	trampolines(t)
	if !configured(t, "CONFIG_FUNCTION_ERROR_INJECTION") {
		testkit.Skip(t, "the kernel was built without CONFIG_FUNCTION_ERROR_INJECTION")
	}
	obj := threadObject(t, "fentry", "on_entry_sleepable")
	attached(t, obj.Program("on_entry_sleepable"))
	getpgid(3)
	if n := *variable[uint64](t, obj, "slept"); n != 3 {
		t.Errorf("3 calls, seen %d", n)
	}
}

// TestModifyReturn: fmod_ret decides the result of a security_* hook; other functions are refused
// at load.
func TestModifyReturn(t *testing.T) {
	trampolines(t)
	obj := threadObject(t, "fentry", "on_modify", "on_modify_too")
	l := attached(t, obj.Program("on_modify"))
	if _, err := unix.Getpgid(os.Getpid()); err != unix.EACCES {
		t.Errorf("getpgid: %v, want EACCES", err)
	}
	after := attached(t, obj.Program("on_modify_too")) // runs after the first and sees its result
	if _, err := unix.Getpgid(os.Getpid()); err != unix.EACCES {
		t.Errorf("getpgid with two programs: %v, want EACCES", err)
	}
	if _, err := obj.Program("on_modify").AttachTrace(nil); !errors.Is(err, syscall.EBUSY) ||
		!strings.Contains(err.Error(), "attached there") {
		t.Error(err)
	}
	closeLink(t, l)
	closeLink(t, after)
	if _, err := unix.Getpgid(os.Getpid()); err != nil {
		t.Error(err)
	}
	var refused *bpf.VerifierError
	if _, err := bpf.Load(only(open(t, "fentry"), "not_modifiable"),
		nil); !errors.As(err, &refused) {
		t.Error(err)
	}
}
