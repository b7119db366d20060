package testkit

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// programVariable marks the processes that Start starts.
const programVariable = "PUREBPF_TEST_PROGRAM"

// Program calls main in a process that [Start] started, and ends it. It comes first in TestMain of
// a package main whose tests run it: on test machines without Go, its tests are all there is of it.
func Program(main func()) {
	if os.Getenv(programVariable) != "" {
		main()
		os.Exit(0)
	}
}

// Process is a package main that runs beside its test.
type Process struct {
	cmd    *exec.Cmd
	lines  chan string
	stderr lockedBuffer
	exited chan struct{}
}

// Start runs the package's main function in a process of its own, in the namespaces of the calling
// thread. The end of the test interrupts it. Like its BPF object it is for little-endian machines.
func Start(t testing.TB, args ...string) *Process {
	t.Helper()
	LittleEndian(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{cmd: exec.Command(self, args...), lines: make(chan string, 1<<16),
		exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), programVariable+"=1")
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for s := bufio.NewScanner(stdout); s.Scan(); {
			p.lines <- s.Text()
		}
		close(p.lines)
		p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Signal(syscall.SIGINT)
		select {
		case <-p.exited:
		case <-time.After(Patience(20 * time.Second)):
			t.Error("the program doesn't end when it is interrupted")
			p.cmd.Process.Kill()
			<-p.exited
		}
	})
	return p
}

// PID returns the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Line returns the next line of the standard output for which is returns true. It fails the test if
// the program ends before, or prints none for longer than any machine needs.
func (p *Process) Line(t testing.TB, what string, is func(line string) bool) string {
	t.Helper()
	late := time.After(Patience(20 * time.Second))
	var seen []string // the last ones
	for {
		select {
		case line, more := <-p.lines:
			if !more {
				<-p.exited
				t.Fatalf("the program ended (%v) before %s\n%q\n%s", p.cmd.ProcessState, what, seen,
					p.stderr.String())
			}
			if is(line) {
				return line
			}
			seen = append(seen[max(0, len(seen)-9):], line)
		case <-late:
			t.Fatalf("waited in vain for %s\n%q\n%s", what, seen, p.stderr.String())
		}
	}
}

// Rest interrupts the program and returns what it printed since the last line.
func (p *Process) Rest() (lines []string) {
	p.cmd.Process.Signal(syscall.SIGINT)
	for line := range p.lines {
		lines = append(lines, line)
	}
	<-p.exited
	return lines
}

// lockedBuffer is a buffer that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
