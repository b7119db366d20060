package testkit

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Netns moves the test into a new network namespace whose loopback is up, so that tests that attach
// to lo or create interfaces do not disturb those of other packages. The goroutine stays on its
// thread until the test ends; goroutines started meanwhile are on other threads and see the old
// namespace (an open socket or bpf link keeps the namespace that it was created in). It needs
// [Root]. Do not use it with t.Parallel.
func Netns(t testing.TB) {
	t.Helper()
	Root(t)
	runtime.LockOSThread()
	old, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		t.Fatal(err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		old.Close()
		runtime.UnlockOSThread()
		Skip(t, "cannot make a network namespace: %v", err)
	}
	t.Cleanup(func() {
		defer old.Close()
		if err := unix.Setns(int(old.Fd()), unix.CLONE_NEWNET); err != nil {
			// The thread stays locked and ends with the goroutine: no other goroutine gets a thread
			// in the wrong namespace.
			t.Errorf("back to the first network namespace: %v", err)
			return
		}
		runtime.UnlockOSThread()
	})
	if err := loopbackUp(); err != nil {
		t.Fatalf("loopback of the new network namespace: %v", err)
	}
}

func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, req)
}
