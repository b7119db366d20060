package main

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: this thread's own sleeps and the clock.
func TestArenaHeap(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.9") // arenas
	testkit.LittleEndian(t)
	testkit.Tracefs(t)
	p := testkit.Start(t)
	p.Line(t, "the start", func(line string) bool {
		return line == "measuring sleeps, Ctrl-C ends"
	})
	const sleeps, each = 20, 10 * time.Millisecond
	for range sleeps {
		ts := unix.NsecToTimespec(int64(each))
		for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &ts, &ts) == unix.EINTR {
		}
	}
	p.Line(t, "the sleeps", func(line string) bool {
		var n int
		var text string
		if _, err := fmt.Sscanf(line, "%d sleeps, %s in all", &n, &text); err != nil || n < sleeps {
			return false
		}
		total, err := time.ParseDuration(text)
		return err == nil && total >= sleeps*each
	})
}
