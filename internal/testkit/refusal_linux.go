package testkit

import (
	_ "embed"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

//go:embed testdata/minimal.c
var minimalSource []byte

// MinimalErrno loads a program of two instructions with C libbpf for a section ("iter/task"), and
// returns the errno with which the running kernel refuses it, 0 if it does not. The error says why
// that is not known: C libbpf is not built, or not for this machine.
func MinimalErrno(t testing.TB, section string) (syscall.Errno, error) {
	t.Helper()
	program, err := buildWithLibbpf(t, "minimal.c", minimalSource)
	if err != nil {
		return 0, err
	}
	out, err := exec.Command(program, section).Output()
	if err != nil {
		return 0, fmt.Errorf("run C libbpf: %w", err)
	}
	errno, err := strconv.Atoi(strings.TrimSpace(string(out)))
	return syscall.Errno(errno), err
}

// SkipRefused skips the test if err, with which a program of a section was refused, is not our
// fault: the running kernel refuses the smallest program of that section to C libbpf too, for the
// same reason. Otherwise, or without C libbpf, it returns, and the test should fail.
func SkipRefused(t testing.TB, err error, section string) {
	t.Helper()
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return
	}
	switch refused, err := MinimalErrno(t, section); {
	case err != nil:
		t.Logf("whether this kernel refuses every program of SEC(%q): %v", section, err)
	case refused == errno:
		Skip(t, "this kernel refuses C libbpf the smallest program of SEC(%q) too: %v",
			section, errno)
	}
}
