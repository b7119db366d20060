package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the module that Python is told to import.
func TestUsdt(t *testing.T) {
	testkit.Root(t)
	if runtime.GOARCH != "amd64" {
		testkit.Skip(t, "the committed object reads registers of x86-64")
	}
	const python = "/usr/bin/python3" // that of PATH may be a script
	if _, err := os.Stat(python); err != nil {
		testkit.Skip(t, "no Python: %v", err)
	}
	p := testkit.Start(t, "-file", python)
	p.Line(t, "the start", func(line string) bool {
		return line == "imports of Python programs, until Ctrl-C:"
	})
	cmd := exec.Command(python, "-c", "import colorsys")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := fmt.Sprintf("%-16s pid %d: colorsys", "python3", cmd.ProcessState.Pid())
	p.Line(t, want, func(line string) bool { return line == want })
}
