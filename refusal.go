package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/hint"
	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/kernel"
)

// tracefsAccess is the capability that opening files of tracefs needs.
var tracefsAccess = [...]kernel.Capability{kernel.CapDACOverride}

// failed makes the error of an attempt, with its explanation.
func failed(a *explain.Attempt, op string, on about, err error) *Error {
	advice, cause := hint.Cut(a.Of(err))
	return &Error{Op: op, Object: on.object, Subject: on.subject, Err: cause, Hint: advice}
}

// loadError makes the error of a failed step of a load.
func loadError(f *load.Failure) error {
	if f.Verifier != nil {
		return newVerifierError(f)
	}
	a := explain.Attempt{Op: explain.Load, Need: f.Need, Limit: f.Limit, Maps: f.Maps}
	if f.Maps != nil {
		a.Op = explain.CreateMap
	}
	e := failed(&a, f.Op, about{f.Object, f.Subject}, f.Err)
	e.Log = f.MapLog
	return e
}

// forExplanation describes the program to package explain.
func (p *Program) forExplanation() explain.Program {
	return explain.Program{FD: p.fd.Int(), Type: p.typ, Kernel: p.running()}
}

// attachFail wraps the error of an attempt to attach p.
func (p *Program) attachFail(to string, err error, need ...kernel.Capability) *Error {
	return p.attachRefused(&explain.Attempt{Need: need}, to, err)
}

// attachRefused is attachFail with what may explain the error. If the program has no descriptor,
// that is the reason, whatever else is wrong.
func (p *Program) attachRefused(a *explain.Attempt, to string, err error) *Error {
	subject := "to " + to
	if p != nil {
		subject = p.Name() + " " + subject
	}
	on := about{p.ObjectName(), subject}
	if absent := p.absence(); absent != nil {
		return newError("attach program", on, absent)
	}
	a.Program = p.forExplanation()
	return failed(a, "attach program", on, err)
}

// refused wraps the error of an attempt to attach p there.
func (p *Program) refused(at *explain.Place, err error) *Error {
	return p.attachRefused(at.Attempt(explain.Attach), at.Name, at.Cause(err))
}

// checkReplaced refuses a program to replace that has no descriptor to pass to the kernel.
func (p *Program) checkReplaced() error {
	err := p.absence()
	switch err {
	case nil:
		return nil
	case ErrClosed:
		err = fmt.Errorf("%w: %w", err, syscall.EINVAL)
	}
	return fmt.Errorf("the program to replace, %s: %w", p.name, err)
}
