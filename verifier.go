package bpf

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/plan"
)

// VerifierError is a program (or BTF) that the kernel refused and said why. Print it with %v for one line, with %+v for the whole
// log. It wraps the errno and Cause.
type VerifierError struct {
	Object  string
	Program string // "" for BTF
	Section string // SEC() of the program
	Err     error  // syscall.Errno of the last attempt
	Cause   error  // why something that the program needs is missing, if that is not known for certain: a failed probe, say; or nil
	Hint    string // what may help, "" if nothing is known

	// Log is everything that the kernel wrote, with instructions that were poisoned on purpose explained in place. Truncated tells
	// that the kernel had more to say than the largest buffer takes; LogSize is how many bytes all of it would have taken, with a NUL
	// at the end (libbpf log_true_size; 6.4, 0 from older kernels).
	Log       string
	Truncated bool
	LogSize   uint32

	Verdict    string // the line or lines that say what is wrong, joined by "; "
	Reason     string // the kernel's explanation, from kernels that write one (7.3 and newer)
	Suggestion string // the kernel's suggestion, likewise

	Insn     int    // index of the failing instruction, subprograms counted on; -1 if the log doesn't say
	InsnText string // as the kernel prints it: "(61) r2 = *(u32 *)(r1 +0)"
	Function string // function of the object that the instruction belongs to
	File     string // source position of the instruction, from line info
	Line     int
	Column   int
	Source   string // the line of C, trimmed
}

// Error returns one line: where, what the verifier says, the instruction and its source.
func (e *VerifierError) Error() string {
	var b strings.Builder
	if e.Object != "" {
		b.WriteString(e.Object)
		b.WriteString(": ")
	}
	if e.Program == "" {
		b.WriteString("load BTF: ")
	} else {
		b.WriteString("load program ")
		b.WriteString(e.Program)
		if e.Section != "" {
			b.WriteString(" (SEC ")
			b.WriteString(e.Section)
			b.WriteByte(')')
		}
		b.WriteString(": ")
	}
	b.WriteString(causeText(e.Err))
	if e.Verdict != "" {
		b.WriteString(": ")
		b.WriteString(e.Verdict)
	}
	if e.Reason != "" {
		b.WriteString(": ")
		b.WriteString(strings.TrimSuffix(e.Reason, "."))
	}
	if e.Insn >= 0 {
		b.WriteString(": instruction ")
		b.WriteString(strconv.Itoa(e.Insn))
		if e.InsnText != "" {
			b.WriteByte(' ')
			b.WriteString(e.InsnText)
		}
		if e.Function != "" && e.Function != e.Program {
			b.WriteString(" in ")
			b.WriteString(e.Function)
		}
	}
	if e.File != "" {
		fmt.Fprintf(&b, ", %s:%d", e.File, e.Line)
	}
	if e.Source != "" {
		b.WriteString(": ")
		b.WriteString(e.Source)
	}
	if e.Hint != "" {
		b.WriteString(" (")
		b.WriteString(e.Hint)
		b.WriteByte(')')
	}
	return b.String()
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
		io.WriteString(f, strings.TrimRight(e.Log, "\n"))
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

// Is adds to what the errno itself says: ENOTSUPP is ErrNotSupported, E2BIG (too many instructions) is ErrTooBig.
func (e *VerifierError) Is(target error) bool { return errnoIs(e.Err, target) }

// newVerifierError reads the log of a failed load of p. log may be cut off at any place.
func newVerifierError(p *plan.Program, object *btf.Spec, log []byte, truncated bool, cause error) *VerifierError {
	e := &VerifierError{Err: cause, Truncated: truncated, Insn: -1}
	text := string(log)
	report := parseVerifierLog(text)
	if p != nil {
		e.Program, e.Section = p.Spec.Name, p.Spec.Sec
		text, e.Cause = explainPoison(text, &report, p)
	}
	e.Log, e.Verdict, e.Reason, e.Suggestion, e.Hint = text, report.verdict(), report.reason, report.suggestion, report.hint
	e.Insn, e.InsnText = report.insn, report.insnText
	if p != nil && e.Insn >= 0 {
		e.Function = functionAt(p, e.Insn)
		e.locate(p, object)
	}
	if e.Source == "" {
		e.File, e.Line, e.Source = report.file, report.line, report.source
	}
	return e
}

// locate fills the source position from the line info that was loaded with the program: the last record at or before Insn.
func (e *VerifierError) locate(p *plan.Program, object *btf.Spec) {
	size := int(p.LineInfoSize)
	if object == nil || size < 16 {
		return
	}
	var record []byte
	for rest := p.LineInfo; len(rest) >= size; rest = rest[size:] {
		if int(binary.NativeEndian.Uint32(rest)) > e.Insn {
			break
		}
		record = rest[:size]
	}
	if record == nil {
		return
	}
	e.File, _ = object.Name(binary.NativeEndian.Uint32(record[4:]))
	source, _ := object.Name(binary.NativeEndian.Uint32(record[8:]))
	e.Source = strings.TrimSpace(source)
	position := binary.NativeEndian.Uint32(record[12:])
	e.Line, e.Column = int(position>>10), int(position&0x3ff)
}

// functionAt names the function that instruction insn of a linked program came from.
func functionAt(p *plan.Program, insn int) string {
	name := ""
	for _, s := range p.Subprogs {
		if s.Start > insn {
			break
		}
		if s.Func != nil {
			name = s.Func.Name
		}
	}
	return name
}

// explainPoison replaces the verifier's complaint about an instruction that was poisoned on purpose by what is missing (libbpf
// fixup_verifier_log). The kernel prints the instruction, "N: (85) call unknown#195896080", and on the next line "invalid func
// unknown#195896080"; both give way to two lines of ours, and the verdict becomes the second. cause is why it is missing, if that is not
// certain.
func explainPoison(log string, r *verifierReport, p *plan.Program) (explained string, cause error) {
	if r.insn < 0 || len(r.verdicts) == 0 || !strings.HasPrefix(r.verdicts[0], "invalid func ") {
		return log, nil
	}
	poison := poisonAt(p, r.insn)
	if poison == nil {
		return log, nil
	}
	why := "cannot be resolved, and the program gets here: " + poison.Text
	switch poison.Kind {
	case plan.PoisonCORE:
		why = "this kernel has nothing that fits " + poison.Text
		r.hint = "guard it with bpf_core_field_exists, bpf_core_type_exists or bpf_core_enum_value_exists"
	case plan.PoisonMap:
		why = "the program uses " + poison.Text + ", which was not created"
		r.hint = "switch its autocreate on, or guard the use by a constant that the loader sets"
	case plan.PoisonKfunc:
		why = "this kernel has no " + poison.Text
		r.hint = "guard the call with bpf_ksym_exists"
	}
	if poison.Err != nil {
		why += ": " + poison.Err.Error()
		if poison.Kind == plan.PoisonMap {
			r.hint = ""
		}
	}
	was := r.insnText
	r.insnText = ""
	r.verdicts = []string{why}
	line := strconv.Itoa(r.insn) + ": "
	at := strings.LastIndex(log, line+was)
	if was == "" || at < 0 {
		return log, poison.Err
	}
	end := strings.Index(log[at:], "invalid func ")
	if end < 0 {
		return log, poison.Err
	}
	end += at
	if n := strings.IndexByte(log[end:], '\n'); n >= 0 {
		end += n
	} else {
		end = len(log)
	}
	return log[:at] + line + "<" + poison.Text + ">\n" + why + log[end:], poison.Err
}

// poisonAt finds the poison at instruction insn. Of an ld_imm64 both halves are poisoned and the verifier names the first.
func poisonAt(p *plan.Program, insn int) *plan.Poison {
	for i := range p.Poisons {
		at := p.Poisons[i].Insn
		wide := at < len(p.Insns) && p.Insns[at].Op == asm.Opcode(0x18)
		if at == insn || wide && at+1 == insn {
			return &p.Poisons[i]
		}
	}
	return nil
}
