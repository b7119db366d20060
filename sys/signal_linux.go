package sys

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// withoutRuntimeSignals calls f on a thread that doesn't receive the signals which the Go runtime
// sends itself: SIGURG to preempt, SIGPROF to profile. Each of them would end a long verification
// with EAGAIN, a repeated test run with EINTR.
func withoutRuntimeSignals(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var block, old unix.Sigset_t
	for _, s := range [...]uint{uint(unix.SIGURG), uint(unix.SIGPROF)} {
		word := uint(unsafe.Sizeof(block.Val[0])) * 8
		block.Val[(s-1)/word] |= 1 << ((s - 1) % word)
	}
	if unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old) == nil {
		defer unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	}
	f()
}
