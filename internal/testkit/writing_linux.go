package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// UntilWrites waits until a thread of a process is in write(2) to one of the descriptors, according
// to /proc; a write to a full pipe stays there.
func UntilWrites(t testing.TB, pid int, fds ...int) {
	t.Helper()
	Until(t, "the process writes", func() bool {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
		for _, thread := range threads {
			text, _ := os.ReadFile(thread)
			for _, fd := range fds {
				if strings.HasPrefix(string(text), fmt.Sprintf("%d %#x ", unix.SYS_WRITE, fd)) {
					return true
				}
			}
		}
		return false
	})
}
