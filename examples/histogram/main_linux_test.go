package main

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the process's calls of nanosleep, whose durations the kernel doesn't undercut.
func TestHistogram(t *testing.T) {
	testkit.Root(t)
	p := testkit.Start(t, "-p", fmt.Sprint(os.Getpid()))
	p.Line(t, "the start", func(line string) bool {
		return line == "durations of system calls, until Ctrl-C:"
	})
	const sleeps = 20
	for range sleeps {
		ts := syscall.NsecToTimespec((5 * time.Millisecond).Nanoseconds())
		if err := syscall.Nanosleep(&ts, nil); err != nil && err != syscall.EINTR {
			t.Fatal(err)
		}
	}
	long := 0
	p.Line(t, "the sleeps", func(line string) bool {
		var from string
		var n int
		if _, err := fmt.Sscanf(line, "from %s %d", &from, &n); err != nil {
			long = 0
			return false
		}
		d, err := time.ParseDuration(from)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if d >= 4096*time.Microsecond {
			long += n
		}
		return long >= sleeps
	})
}
