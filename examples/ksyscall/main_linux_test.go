package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the signal that the test sends to itself.
func TestKsyscall(t *testing.T) {
	testkit.Root(t)
	if runtime.GOARCH != "amd64" {
		testkit.Skip(t, "the committed object reads registers of x86-64")
	}
	if _, err := os.Stat("/sys/bus/event_source/devices/kprobe"); err != nil {
		testkit.Skip(t, "the kernel has no kprobes")
	}
	p := testkit.Start(t)
	p.Line(t, "the start", func(line string) bool {
		return line == "calls of kill, until Ctrl-C:"
	})
	if err := syscall.Kill(os.Getpid(), syscall.SIGURG); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(" pid %d: signal %d (%v) to %d", os.Getpid(), syscall.SIGURG,
		syscall.SIGURG, os.Getpid())
	p.Line(t, want, func(line string) bool { return strings.HasSuffix(line, want) })
}
