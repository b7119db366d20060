// Package nolink attaches programs without a bpf.Link.
//
// An attachment without a link belongs to the hook, not to the process that made it: it stays when
// the process ends and the program is closed. Functions named Add attach a program beside others;
// functions named Set attach it where there is room for only one. The function of the same name
// with Remove or Unset detaches the program, as does the end of the cgroup, interface, socket or
// map. Use this package on kernels without links of a kind, for hooks that have none (sockets,
// infrared receivers), and for programs that are to outlive the process without a pin. Classic TC
// is in package tc, routes are in lwt.
//
// Options may be nil. Interfaces are named as in package bpf. The caller needs no privileges beyond
// those of the load, unless the comment of the function says otherwise. Errors are *bpf.Error, in
// which errors.Is finds the errno.
package nolink

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/anchor"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/hint"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// request is a request about a program at a place.
type request struct {
	p       *bpf.Program
	op      explain.Op // explain.Attach or Detach
	at      *explain.Place
	anchor  anchor.Anchor
	replace *bpf.Program // nil: none
}

func attach(p *bpf.Program, at *explain.Place) *request {
	return &request{p: p, op: explain.Attach, at: at}
}

func detach(p *bpf.Program, at *explain.Place) *request {
	return &request{p: p, op: explain.Detach, at: at}
}

// do calls f with the program, the anchor and the program to replace in the attribute. Their
// descriptors stay open until f returns and its error is explained.
func (r *request) do(f func(*sys.ProgAttachAttr) error) error {
	var failed *bpf.Error
	fail := func(fd int, err error) error {
		if err != nil && failed == nil {
			failed = r.failed(fd, err)
		}
		return err
	}
	err := r.p.UseFD(func(fd int) error {
		return fail(fd, r.anchor.Use(func(flags uapi.AttachFlags, relative uint32) error {
			r.at.Anchor = explain.Anchor{Flags: flags, Relative: relative}
			return fail(fd, useReplaced(r.replace, func(old uint32) error {
				a := sys.ProgAttachAttr{
					ProgFD: uint32(fd), Flags: flags, Relative: relative, ReplaceFD: old,
					ExpectedRevision: r.at.Revision,
				}
				return fail(fd, f(&a))
			}))
		}))
	})
	switch {
	case failed != nil:
		return failed
	case err != nil: // the program has no descriptor
		return newError(r.op, r.p.ObjectName(), r.subject(), errors.Unwrap(err), nil)
	}
	return nil
}

// onFile is do for a hook that a file stands for.
func (r *request) onFile(path string, call func(*sys.ProgAttachAttr) error,
	change func(*sys.ProgAttachAttr)) error {
	return r.do(func(a *sys.ProgAttachAttr) error {
		f, err := sys.OpenFile(path)
		if err != nil {
			return err
		}
		defer f.Close()
		a.Target = uint32(f.Int())
		change(a)
		return call(a)
	})
}

func (r *request) subject() string {
	if r.op == explain.Detach {
		return r.p.Name() + " from " + r.at.Name
	}
	return r.p.Name() + " to " + r.at.Name
}

func (r *request) failed(fd int, err error) *bpf.Error {
	err = r.at.Cause(err)
	if r.op == explain.Detach && err == syscall.ENOENT {
		err = fmt.Errorf("not attached there: %w", err)
	}
	a := r.at.Attempt(r.op)
	a.Program = explain.Program{FD: fd, Type: r.p.Type(), Kernel: kernel.Running()}
	return newError(r.op, r.p.ObjectName(), r.subject(), err, a)
}

// newError makes the error of an attempt, with its explanation unless a is nil.
func newError(op explain.Op, object, subject string, err error, a *explain.Attempt) *bpf.Error {
	if a != nil {
		err = a.Of(err)
	}
	advice, cause := hint.Cut(err)
	what := "attach program"
	if op == explain.Detach {
		what = "detach program"
	}
	return &bpf.Error{Op: what, Object: object, Subject: subject, Err: cause, Hint: advice}
}

// requireAttached fails if the program isn't attached to the hook of the file at path: the kernel
// may detach any program, without comparing.
func (r *request) requireAttached(path string, where uapi.AttachType, fd uint32) error {
	info, err := sys.ProgInfoByFD(int(fd))
	if err != nil {
		return err
	}
	hook, err := r.at.Ask(path, where)
	if err != nil {
		return err
	}
	if !hook.Has(info.ID) {
		return errNotAttached()
	}
	return nil
}

func errNotAttached() error { return fmt.Errorf("not attached there: %w", bpf.ErrNotExist) }

// useReplaced calls f with the descriptor of a program to replace, 0 if there is none.
func useReplaced(p *bpf.Program, f func(fd uint32) error) error {
	if p == nil {
		return f(0)
	}
	called := false
	err := p.UseFD(func(fd int) error {
		called = true
		return f(uint32(fd))
	})
	if called {
		return err
	}
	err = errors.Unwrap(err)
	if errors.Is(err, bpf.ErrClosed) {
		err = fmt.Errorf("%w: %w", err, syscall.EINVAL)
	}
	return fmt.Errorf("the program to replace, %s: %w", p.Name(), err)
}
