package load

import (
	"errors"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/maprules"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/plan"
)

// ErrTooBig: something doesn't fit.
var ErrTooBig = errors.New("too big")

// Report makes the error of a failed step, for the caller and for the log.
type Report func(*Failure) error

// Failure is a step of a load that failed, and what may explain the kernel's answer.
type Failure struct {
	Object  string
	Op      string // the step: "create map"
	Subject string // the map or program, "" for the whole object
	Err     error  // the cause

	Need  []kernel.Capability // that the kernel asks for; nil: CAP_BPF
	Limit error               // why RLIMIT_MEMLOCK could not be raised

	Maps     []*maprules.Map // that the kernel refused to create: the map and its inner map
	MapLog   string          // the kernel's log about it, "" from older kernels
	Verifier *VerifierLog    // what the kernel wrote about a program or BTF, nil if nothing
}

// VerifierLog is the kernel's log about a program or BTF that it refused.
type VerifierLog struct {
	Program   *plan.Program // nil for BTF
	Types     *btf.Spec     // of the object
	Text      []byte        // belongs to the receiver
	Truncated bool          // the log exceeds the largest buffer
	Size      uint32        // of the complete log; 0 from kernels before 6.4
}

// fail reports a failed request. It has some 50 callers; inlined in them it takes 12 KiB of each
// program.
//
//go:noinline
func (s *session) fail(op, subject string, err error, need ...kernel.Capability) error {
	return s.report(&Failure{
		Object: s.name, Op: op, Subject: subject, Err: err, Need: need, Limit: s.limit,
	})
}
