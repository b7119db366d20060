package testkit

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/uapi"
)

// WithCapabilities calls do on a thread of another user that has only the capabilities in set, in a
// network namespace of its own, and returns do's error. It needs [Root].
func WithCapabilities(t testing.TB, set []uapi.Capability, do func() error) error {
	t.Helper()
	type result struct{ setup, err error }
	done := make(chan result)
	OnOwnThread(func() {
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0)
		}
		// Package syscall would do it to all threads.
		for _, number := range []uintptr{unix.SYS_SETRESGID, unix.SYS_SETRESUID} {
			_, _, errno := unix.RawSyscall(number, 65534, 65534, 65534)
			if errno != 0 && err == nil {
				err = errno
			}
		}
		var data [2]unix.CapUserData
		for _, c := range set {
			data[c/32].Effective |= 1 << (c % 32)
			data[c/32].Permitted |= 1 << (c % 32)
		}
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		if err == nil {
			err = unix.Capset(&head, &data[0])
		}
		if err != nil {
			done <- result{setup: err}
			return
		}
		done <- result{err: do()}
	})
	r := <-done
	if r.setup != nil {
		t.Fatal(r.setup)
	}
	return r.err
}

// OnOwnThread starts f on a thread that ends with it. The thread is not the first one, which never
// ends and represents the process in /proc.
func OnOwnThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			started := make(chan bool)
			OnOwnThread(func() {
				started <- true
				f()
			})
			<-started
			return
		}
		f()
	}()
}
