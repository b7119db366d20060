package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// The oracle of this file: the kernel's answers to the test's system calls.

// lsm skips on a kernel whose security modules don't include bpf.
func lsm(t testing.TB) {
	t.Helper()
	trampolines(t)
	if !kernel.Running().RunsLSM("bpf") {
		testkit.Skip(t, "bpf is not among the kernel's security modules")
	}
}

func TestLSM(t *testing.T) {
	lsm(t)
	t.Run("deny", func(t *testing.T) {
		obj := threadObject(t, "fentry", "deny")
		l := attached(t, obj.Program("deny"))
		// for 0 the kernel asks no security module
		if _, err := unix.Getsid(os.Getpid()); err != unix.EPERM {
			t.Errorf("getsid: %v, want EPERM", err)
		}
		if n := *variable[uint64](t, obj, "denied"); n != 1 {
			t.Errorf("ran %d times", n)
		}
		closeLink(t, l)
		if _, err := unix.Getsid(os.Getpid()); err != nil {
			t.Error(err)
		}
	})
	t.Run("sleepable", func(t *testing.T) {
		obj := threadObject(t, "fentry", "sleepable")
		word := new(uint64)
		*word = 0xfeedc0de
		*variable[uint64](t, obj, "user_address") = uint64(uintptr(unsafe.Pointer(word)))
		attached(t, obj.Program("sleepable"))
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		if n, copied := *variable[uint64](t, obj, "opened"),
			*variable[uint64](t, obj, "user_word"); n == 0 || copied != *word {
			t.Errorf("ran %d times, copied %#x of this process", n, copied)
		}
		runtime.KeepAlive(word)
	})
	t.Run("cgroup", func(t *testing.T) {
		obj := load(t, only(open(t, "fentry"), "on_bind"), nil)
		dir := testkit.Cgroup(t)
		l, err := obj.Program("on_bind").AttachCgroup(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		bind := func() error {
			s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(s)
			return unix.Bind(s, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
		}
		if err := bind(); err != nil {
			t.Errorf("outside of the cgroup: %v", err)
		}
		withinCgroup(t, dir, func() {
			if err := bind(); err != unix.EPERM {
				t.Errorf("inside: %v, want EPERM", err)
			}
		})
		if n := *variable[uint64](t, obj, "bound"); n != 1 {
			t.Errorf("ran %d times", n)
		}
		if _, err := obj.Program("on_bind").AttachLSM(nil); !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), "AttachCgroup") {
			t.Error(err)
		}
	})
}

// withinCgroup calls do with this process in a cgroup.
func withinCgroup(t testing.TB, dir string, do func()) {
	t.Helper()
	root := filepath.Dir(dir)
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	old := ""
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			old = path
		}
	}
	move := func(dir string) {
		t.Helper()
		if err := os.WriteFile(dir+"/cgroup.procs", fmt.Append(nil, os.Getpid()), 0); err != nil {
			t.Fatal(err)
		}
	}
	move(dir)
	defer move(root + old)
	do()
}
