package object

import (
	"errors"
	"fmt"
	"strings"

	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/printable"
)

// FormatError is the cause of an [Error] if the ELF file itself is malformed: section, offset in
// the file and what is wrong.
type FormatError = elf64.FormatError

// Reason is why an object is refused. Its value is the error number that libbpf returns.
type Reason int

const (
	ReasonNotFound     Reason = 2    // ENOENT: the object refers to something that it lacks
	ReasonNoSuch       Reason = 3    // ESRCH: the object refers to a name that it does not define
	ReasonTooBig       Reason = 7    // E2BIG
	ReasonInvalid      Reason = 22   // EINVAL: a declaration that contradicts itself or the rules
	ReasonNotSupported Reason = 95   // EOPNOTSUPP: well-formed, but no loader supports it
	ReasonFormat       Reason = 4001 // LIBBPF_ERRNO__FORMAT: malformed ELF
	ReasonEndian       Reason = 4003 // LIBBPF_ERRNO__ENDIAN: neither byte order
	ReasonReloc        Reason = 4005 // LIBBPF_ERRNO__RELOC: an invalid relocation
)

// Error says why an object cannot be read. errors.Is(err, errors.ErrUnsupported) holds for
// ReasonNotSupported.
type Error struct {
	Object  string // name of the object
	Section string // ELF section of the error, "" if none
	Reason  Reason
	Msg     string
	Err     error // cause, or nil
}

// Error returns "object NAME: section SEC: MSG: CAUSE".
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "object %q: ", e.Object)
	if e.Section != "" {
		fmt.Fprintf(&b, "section %q: ", e.Section)
	}
	b.WriteString(e.Msg)
	if e.Err != nil {
		if e.Msg != "" {
			b.WriteString(": ")
		}
		b.WriteString(printable.Error(e.Err))
	}
	return printable.Text(b.String())
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is errors.ErrUnsupported and the reason is ReasonNotSupported.
func (e *Error) Is(target error) bool {
	return target == errors.ErrUnsupported && e.Reason == ReasonNotSupported
}

// fail returns an *Error about section.
func (p *parser) fail(r Reason, section, format string, args ...any) error {
	return &Error{Object: p.o.Name, Section: section, Reason: r, Msg: fmt.Sprintf(format, args...)}
}

// failWith returns an *Error with a cause.
func (p *parser) failWith(r Reason, section string, cause error, format string, args ...any) error {
	return &Error{Object: p.o.Name, Section: section, Reason: r, Msg: fmt.Sprintf(format, args...),
		Err: cause}
}
