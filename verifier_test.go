package bpf

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
)

// The log is an excerpt of the report that the authors of Linux 7.3 published.
func TestVerifierErrorSections(t *testing.T) {
	const log = "0: R1=ctx() R10=fp0\n0: (95) exit\nR0 !read_ok\n\n" +
		"Verification failed: Register Type Safety: Unreadable register\n\nReason:\n" +
		"  R0 has never been initialized on this path, so the verifier cannot use it as an input.\n"
	p := &plan.Program{
		Spec: &object.Program{Function: object.Function{Name: "p"}, Sec: "xdp"},
	}
	e := newVerifierError(&load.Failure{
		Err: syscall.EACCES, Verifier: &load.VerifierLog{Program: p, Text: []byte(log)},
	})
	want := "load program p (SEC xdp): permission denied: R0 !read_ok: " +
		"R0 has never been initialized on this path, so the verifier cannot use it as an input: " +
		"instruction 0 (95) exit"
	if e.Error() != want {
		t.Errorf("got  %s\nwant %s", e, want)
	}
}

func TestVerifierErrorFormat(t *testing.T) {
	e := &VerifierError{
		Object: "o", Program: "p", Section: "xdp", Err: syscall.EACCES, Verdict: "R1 bad",
		Insn: -1, Log: "0: (95) exit\nR1 bad\n", Truncated: true,
	}
	const line = "o: load program p (SEC xdp): permission denied: R1 bad"
	for format, want := range map[string]string{
		"%v": line, "%s": line, "%q": fmt.Sprintf("%q", line),
		"%+v": line + "\n0: (95) exit\nR1 bad\n(the kernel's log went on; its beginning or end is missing)",
		"%d":  "%!d(*bpf.VerifierError)",
	} {
		if got := fmt.Sprintf(format, e); got != want {
			t.Errorf("%s: got %s, want %s", format, got, want)
		}
	}
	if !errors.Is(e, syscall.EACCES) || !errors.Is(e, ErrPermission) || errors.Is(e, ErrTooBig) {
		t.Error("errors.Is")
	}
	if e.Err = syscall.E2BIG; !errors.Is(e, ErrTooBig) {
		t.Error("E2BIG is not ErrTooBig")
	}
}
