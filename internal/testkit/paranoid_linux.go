package testkit

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// PerfEventParanoid sets the sysctl kernel.perf_event_paranoid until the end of the test. Tests of
// other processes that call it wait until then.
func PerfEventParanoid(t testing.TB, level string) {
	t.Helper()
	f, err := os.OpenFile("/proc/sys/kernel/perf_event_paranoid", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	old := make([]byte, 16)
	n, err := f.ReadAt(old, 0)
	if n == 0 {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := f.WriteAt(old[:n], 0); err != nil {
			t.Error(errors.Join(errors.New("restore perf_event_paranoid"), err))
		}
	})
	if _, err := f.WriteAt([]byte(level), 0); err != nil {
		t.Fatal(err)
	}
}
