package plan

import (
	"strconv"
	"strings"

	"github.com/purebpf/bpf/internal/printable"
)

// Code is the errno (or libbpf's own 4xxx number) that C libbpf returns for the same failure.
type Code int

const (
	CodeNotPermitted Code = 1    // EPERM
	CodeNoEntry      Code = 2    // ENOENT
	CodeNotFound     Code = 3    // ESRCH
	CodeTooBig       Code = 7    // E2BIG
	CodeInvalid      Code = 22   // EINVAL
	CodeRange        Code = 34   // ERANGE
	CodeNameTooLong  Code = 36   // ENAMETOOLONG
	CodeNotSupported Code = 95   // EOPNOTSUPP
	CodeEndian       Code = 4003 // LIBBPF_ERRNO__ENDIAN
	CodeRelocation   Code = 4005 // LIBBPF_ERRNO__RELOC
)

// Error says why an object, or one of its programs, cannot be resolved against a kernel.
type Error struct {
	Object string // name of the object
	What   string // "program", "map", "extern", "struct_ops map", "BTF"; "" for the object itself
	Name   string // name of the program, map or extern
	Insn   int    // instruction in the function, -1 if none
	Text   string // what is wrong, and what to do
	Code   Code
	Err    error // cause, or nil
}

// Error returns one line: object, subject, instruction, what is wrong, cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("object ")
	b.WriteString(e.Object)
	if e.What != "" {
		b.WriteString(": ")
		b.WriteString(e.What)
		if e.Name != "" {
			b.WriteByte(' ')
			b.WriteString(e.Name)
		}
	}
	if e.Insn >= 0 {
		b.WriteString(": instruction ")
		b.WriteString(strconv.Itoa(e.Insn))
	}
	if e.Text != "" {
		b.WriteString(": ")
		b.WriteString(e.Text)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(printable.Error(e.Err))
	}
	return printable.Text(b.String())
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func (r *resolver) fail(what, name string, code Code, text string, err error) *Error {
	return &Error{Object: r.o.Name, What: what, Name: name, Insn: -1, Text: text, Code: code,
		Err: err}
}

func (r *resolver) failAt(f *function, insn int, code Code, text string, err error) *Error {
	e := r.fail("program", f.f.Name, code, text, err)
	if f.sub {
		e.What = "subprogram"
	}
	e.Insn = insn
	return e
}
