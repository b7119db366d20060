package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the ls of GNU coreutils, which looks up QUOTING_STYLE, by its process.
func TestUprobe(t *testing.T) {
	testkit.Root(t)
	if runtime.GOARCH != "amd64" {
		testkit.Skip(t, "the committed object reads registers of x86-64")
	}
	ls := testkit.Tool(t, "ls")
	if text, err := os.ReadFile(ls); err != nil || !bytes.Contains(text, []byte("QUOTING_STYLE")) {
		testkit.Skip(t, "ls doesn't look up QUOTING_STYLE (%v)", err)
	}
	p := testkit.Start(t)
	p.Line(t, "the start", func(line string) bool {
		return line == "calls of getenv, until Ctrl-C:"
	})
	cmd := exec.Command(ls, "/")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := fmt.Sprintf("%-16s pid %d: QUOTING_STYLE", "ls", cmd.ProcessState.Pid())
	p.Line(t, want, func(line string) bool { return strings.HasPrefix(line, want) })
}
