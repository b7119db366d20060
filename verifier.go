package bpf

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unsafe"

	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/privilege"
	"github.com/purebpf/bpf/internal/verifier"
)

// VerifierError reports a program (or BTF) that the kernel refused, and the reason. It prints one
// line with %v, the whole log with %+v; it wraps the errno and Cause.
type VerifierError struct {
	Object  string
	Program string // "" for BTF
	Section string // SEC() of the program
	Err     error  // syscall.Errno of the last attempt
	// Cause is the error, such as that of a failed probe, due to which something that the program
	// needs counted as missing; or nil
	Cause error
	Hint  string // what may help, "" if nothing is known

	// Log is the kernel's whole log; instructions that were poisoned on purpose are explained in
	// place. Truncated means that the log exceeds the largest buffer; LogSize is the size in bytes
	// of the complete log, with a NUL at the end (libbpf log_true_size; 6.4, 0 from older kernels).
	Log       string
	Truncated bool
	LogSize   uint32

	Verdict    string // the line or lines that say what is wrong, joined by "; "
	Reason     string // the kernel's explanation, from kernels that write one (7.3 and newer)
	Suggestion string // the kernel's suggestion, likewise

	Insn     int    // failing instruction, counted through all subprograms; -1 if the log doesn't say
	InsnText string // as the kernel prints it: "(61) r2 = *(u32 *)(r1 +0)"
	Function string // function of the object that the instruction belongs to
	File     string // source position of the instruction, from line info
	Line     int
	Column   int
	Source   string // the line of C, trimmed
}

// Error returns one line: the program, the verifier's verdict, the instruction and its source.
func (e *VerifierError) Error() string {
	text := "load BTF"
	if e.Program != "" {
		text = "load program " + e.Program
		if e.Section != "" {
			text += " (SEC " + e.Section + ")"
		}
	}
	if e.Object != "" {
		text = e.Object + ": " + text
	}
	text += ": " + causeText(e.Err)
	if e.Verdict != "" {
		text += ": " + e.Verdict
	}
	if e.Reason != "" {
		text += ": " + strings.TrimSuffix(e.Reason, ".")
	}
	if e.Insn >= 0 {
		text += ": instruction " + strconv.Itoa(e.Insn)
		if e.InsnText != "" {
			text += " " + e.InsnText
		}
		if e.Function != "" && e.Function != e.Program {
			text += " in " + e.Function
		}
	}
	if e.File != "" {
		text += fmt.Sprintf(", %s:%d", e.File, e.Line)
	}
	if e.Source != "" {
		text += ": " + e.Source
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return printable.Text(text)
}

// Format prints the one line for %v and %s, and the line followed by the whole log for %+v.
func (e *VerifierError) Format(f fmt.State, verb rune) {
	switch {
	case verb == 'q':
		fmt.Fprintf(f, "%q", e.Error())
		return
	case verb != 'v' && verb != 's':
		fmt.Fprintf(f, "%%!%c(*bpf.VerifierError)", verb)
		return
	}
	io.WriteString(f, e.Error())
	if verb == 'v' && f.Flag('+') && e.Log != "" {
		io.WriteString(f, "\n")
		io.WriteString(f, printable.Lines(strings.TrimRight(e.Log, "\n")))
		if e.Truncated {
			io.WriteString(f, "\n(the kernel's log went on; its beginning or end is missing)")
		}
	}
}

// Unwrap returns the errno, and the cause if there is one.
func (e *VerifierError) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Cause}
}

// Is reports matches that the errno itself doesn't report: ENOTSUPP matches ErrNotSupported, and
// E2BIG (too many instructions) matches ErrTooBig.
func (e *VerifierError) Is(target error) bool { return errnoIs(e.Err, target) }

// newVerifierError describes the refusal of a program, or of BTF. It keeps the log.
func newVerifierError(f *load.Failure) *VerifierError {
	log, p := f.Verifier, f.Verifier.Program
	text := unsafe.String(unsafe.SliceData(log.Text), len(log.Text))
	r := verifier.Read(text, p, log.Types)
	e := &VerifierError{
		Object: f.Object, Err: f.Err, Cause: r.Cause, Hint: r.Hint,
		Log: r.Log, Truncated: log.Truncated, LogSize: log.Size,
		Verdict: r.Verdict(), Reason: r.Reason, Suggestion: r.Suggestion,
		Insn: r.Insn, InsnText: r.InsnText, Function: r.Function,
		File: r.File, Line: r.Line, Column: r.Column, Source: r.Source,
	}
	if p != nil {
		e.Program, e.Section = p.Spec.Name, p.Spec.Sec
	}
	if hint := privilege.Hint(f.Err, f.Need...); hint != "" {
		e.Hint = hint
	}
	return e
}
