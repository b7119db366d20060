package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/internal/testkit"
)

// fill writes to a pipe until it takes no more.
func fill(t *testing.T, w *os.File) {
	t.Helper()
	if err := w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for some := make([]byte, 4096); ; {
		if _, err := w.Write(some); errors.Is(err, os.ErrDeadlineExceeded) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// Oracle: the clock. A command that has nothing to clean up ends at once on a signal, whatever it
// is doing.
func TestEndsAtOnce(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	fill(t, w)
	cmd := command(t, "objdump", "../../testdata/link.bpf.o")
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	testkit.UntilWrites(t, cmd.Process.Pid, 1)
	cmd.Process.Signal(syscall.SIGTERM)
	defer time.AfterFunc(testkit.Patience(10*time.Second), func() { cmd.Process.Kill() }).Stop()
	cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v", status)
	}
}

// Oracle: /dev/full, to which nothing can be written. A command whose output is lost reports it and
// fails.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		testkit.Skip(t, "%v", err)
	}
	defer full.Close()
	const object = "../../testdata/link.bpf.o"
	for _, args := range [][]string{{"help"}, {"run", "--help"}, {"version"}, {"objdump", object},
		{"check", object}, {"check", "-j", object},
		{"btf", "dump", "file", object}, {"btf", "dump", "-j", "file", object}, {"vmlinux", object},
		{"verify", object}, {"verify", "-j", object}, {"plan", object}} {
		if args[0] == "verify" || args[0] == "plan" {
			testkit.Root(t)
		}
		cmd := command(t, args...)
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &errs
		err, _ := cmd.Run().(*exec.ExitError)
		if err == nil || err.ExitCode() != 1 ||
			!strings.Contains(errs.String(), "no space left on device") {
			t.Errorf("%v: %v, %s", args, err, errs.String())
		}
	}
}

// Oracle: the Go runtime, which reports what each package allocates at start. Ours allocate nothing:
// programs that load objects would pay for it.
func TestStart(t *testing.T) {
	cmd := command(t, "version")
	cmd.Env = append(cmd.Env, "GODEBUG=inittrace=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	ours := 0
	for line := range strings.Lines(stderr.String()) {
		words := strings.Fields(line) // init PACKAGE @0.1 ms, 0.1 ms clock, 16 bytes, 1 allocs
		if len(words) < 4 || words[0] != "init" ||
			!strings.HasPrefix(words[1], "github.com/purebpf/bpf") {
			continue
		}
		if strings.Contains(words[1], "/testkit") || strings.HasSuffix(words[1], "/cmd/bpf") {
			continue // of this test
		}
		ours++
		if words[len(words)-2] != "0" {
			t.Errorf("a package works at start: %s", line)
		}
	}
	if ours == 0 {
		t.Errorf("no package of ours in %q", stderr.String())
	}
}

// Oracle: the command line that has all verbs. One that was made for its verb alone shows the same
// help.
func TestVerbAlone(t *testing.T) {
	help := func(root *cobra.Command, line []string) string {
		var text bytes.Buffer
		root.SetOut(&text)
		root.SetErr(&text)
		root.SetArgs(line)
		if err := root.Execute(); err != nil {
			t.Errorf("bpf %q: %v", line, err)
		}
		return text.String()
	}
	for _, v := range verbs {
		if n := len(newRootCommand("-j", v.name).Commands()); n != 2 { // with help
			t.Errorf("bpf -j %s makes %d commands", v.name, n)
		}
		for _, line := range [][]string{{v.name, "--help"}, {"-h", v.name}, {"help", v.name}} {
			got, want := help(newRootCommand(line...), line), help(newRootCommand(), line)
			if got != want || !strings.Contains(got, "bpf "+v.name) && line[0] != "-h" {
				t.Errorf("bpf %q: %q, want %q", line, got, want)
			}
		}
	}
}
