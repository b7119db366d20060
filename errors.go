package bpf

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
)

// Errors that errors.Is finds in the errors of this package, besides errnos.
var (
	// ErrNotSupported: the kernel, or this kind of map, program or link, doesn't support it
	// (ENOSYS, EOPNOTSUPP, ENOTSUPP).
	ErrNotSupported = errors.ErrUnsupported
	ErrNotExist     = fs.ErrNotExist   // no such key, pin, map, program, interface, symbol (ENOENT)
	ErrExist        = fs.ErrExist      // it exists already (EEXIST)
	ErrPermission   = fs.ErrPermission // the caller has no permission (EPERM, EACCES)
	ErrClosed       = fs.ErrClosed     // the Object, Map, Program, Link or Reader was closed
	ErrTooBig       = load.ErrTooBig   // the map is full, or the program or request too long (E2BIG)
)

// Error reports what failed: the step, its subject and the cause. It wraps the cause, usually a
// syscall.Errno.
type Error struct {
	Op      string // the step: "create map", "attach xdp"
	Object  string // name of the object, "" where there is none
	Subject string // name of the map, program, variable, link, path or interface
	Err     error  // the cause
	Hint    string // what may help, "" if nothing is known
	Log     string // the kernel's log about a map that it refused; older kernels write none
}

// Error returns one line: "object: step subject: cause: log (hint)". It escapes characters that
// don't print, also newlines: names may contain anything.
func (e *Error) Error() string {
	text := e.Op
	if e.Object != "" {
		text = e.Object + ": " + text
	}
	if e.Subject != "" {
		text += " " + e.Subject
	}
	if e.Err != nil {
		text += ": " + strings.TrimPrefix(oneLine(causeText(e.Err)), e.said())
	}
	if log := strings.TrimSpace(e.Log); log != "" {
		text += ": " + oneLine(log)
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return printable.Text(text)
}

// said returns the beginning of the cause's text that names what e names already.
func (e *Error) said() string {
	if cause, ok := e.Err.(*plan.Error); ok && cause.Name == e.Subject {
		return "object " + cause.Object + ": " + cause.What + " " + cause.Name + ": "
	}
	var cause *fs.PathError
	if errors.As(e.Err, &cause) && strings.HasPrefix(e.Op, cause.Op+" ") {
		return cause.Op + " " + e.Subject + ": "
	}
	return ""
}

// about is the subject of an error.
type about struct{ object, subject string }

func withID(id uint32) about { return about{"", fmt.Sprintf("with id %d", id)} }

func withFD(fd int) about { return about{"", fmt.Sprintf("of descriptor %d", fd)} }

// newError makes an *Error. Its hint is the advice that the cause carries or, for EPERM, which of
// the capabilities that the operation needs this process lacks; need nil means CAP_BPF.
// failed, which it calls, may find a better hint.
func newError(op string, on about, cause error, need ...kernel.Capability) *Error {
	return failed(&explain.Attempt{Need: need}, op, on, cause)
}

// missing returns the error for a nil pointer or a zero value of a kind.
func missing(op, kind string) *Error { return newError(op, about{}, errNothing(kind)) }

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

// joinErrors works like errors.Join on one line; a single error stays as it is.
func joinErrors(errs ...error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return joinedErrors{errors.Join(errs...)}
}

type joinedErrors struct{ error }

func (e joinedErrors) Error() string { return oneLine(e.error.Error()) }

// Unwrap returns the result of errors.Join.
func (e joinedErrors) Unwrap() error { return e.error }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports matches that the cause itself doesn't report: the kernel's ENOTSUPP matches
// ErrNotSupported, E2BIG matches ErrTooBig, and an error in resolving the object matches the errno
// that C libbpf returns for it.
func (e *Error) Is(target error) bool { return errnoIs(e.Err, target) }

func errnoIs(err, target error) bool {
	var unresolved *plan.Error
	if errors.As(err, &unresolved) {
		for _, row := range resolveErrnos {
			if row.code == unresolved.Code &&
				(row.errno == target || row.errno.Is(target) ||
					target == ErrTooBig && row.errno == syscall.E2BIG) {
				return true
			}
		}
	}
	if target != ErrTooBig && target != ErrNotSupported {
		return false
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	return target == ErrTooBig && errno == syscall.E2BIG ||
		target == ErrNotSupported && errno == sys.ENOTSUPP
}

// resolveErrnos are the codes of plan.Error that are errnos.
var resolveErrnos = [...]struct {
	code  plan.Code
	errno syscall.Errno
}{
	{plan.CodeNotPermitted, syscall.EPERM},
	{plan.CodeNoEntry, syscall.ENOENT},
	{plan.CodeNotFound, syscall.ESRCH},
	{plan.CodeTooBig, syscall.E2BIG},
	{plan.CodeInvalid, syscall.EINVAL},
	{plan.CodeRange, syscall.ERANGE},
	{plan.CodeNameTooLong, syscall.ENAMETOOLONG},
	{plan.CodeNotSupported, syscall.EOPNOTSUPP},
}

// causeText returns err's text, with texts for the errnos for which Go has none.
func causeText(err error) string {
	if errno, ok := err.(syscall.Errno); ok {
		return sys.ErrnoText(errno)
	}
	return printable.Error(err)
}
