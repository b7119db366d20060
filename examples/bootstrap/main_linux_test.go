package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the processes that the test starts, their numbers and exit statuses.
func TestBootstrap(t *testing.T) {
	testkit.Root(t)
	p := testkit.Start(t)
	started(t, p)
	sh := testkit.Tool(t, "sh")
	pid := run(t, sh, "-c", "exit 7")
	about := fmt.Sprintf("pid %d, parent %d: ", pid, os.Getpid())
	p.Line(t, "the start of sh", func(line string) bool {
		return strings.HasPrefix(line, "sh ") && strings.HasSuffix(line, about+"runs "+sh)
	})
	line := p.Line(t, "the end of sh", func(line string) bool {
		return strings.Contains(line, about+"exit status 7 after ")
	})
	_, after, _ := strings.Cut(line, "after ")
	if d, err := time.ParseDuration(after); err != nil || d <= 0 {
		t.Errorf("%s: no duration: %v", line, err)
	}
}

// TestMinimum: of two processes only the longer one is printed. Oracle: as above.
func TestMinimum(t *testing.T) {
	testkit.Root(t)
	p := testkit.Start(t, "-min", "250ms")
	started(t, p)
	sh := testkit.Tool(t, "sh")
	short := run(t, sh, "-c", "exit 1")
	long := run(t, sh, "-c", "sleep 0.3; exit 2")
	p.Line(t, "the end of the longer process", func(line string) bool {
		if strings.Contains(line, fmt.Sprintf("pid %d,", short)) {
			t.Errorf("the short process is printed: %s", line)
		}
		return strings.Contains(line, fmt.Sprintf("pid %d, parent %d: exit status 2", long,
			os.Getpid()))
	})
}

func started(t *testing.T, p *testkit.Process) {
	p.Line(t, "the start", func(line string) bool {
		return line == "processes that start and end, until Ctrl-C:"
	})
}

// run runs a program to its end, whatever its status, and returns the number of its process.
func run(t *testing.T, name string, args ...string) (pid int) {
	cmd := exec.Command(name, args...)
	if cmd.Run(); cmd.ProcessState == nil {
		t.Fatalf("%s doesn't run", name)
	}
	return cmd.ProcessState.Pid()
}
