package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: /proc, which has this process.
func TestTaskIter(t *testing.T) {
	testkit.Root(t)
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	p := testkit.Start(t)
	p.Line(t, "the title", func(line string) bool { return line == "    PID    PPID COMMAND" })
	want := fmt.Sprintf("%7d %7d %s", os.Getpid(), os.Getppid(), strings.TrimSpace(string(comm)))
	p.Line(t, want, func(line string) bool { return line == want })
}
