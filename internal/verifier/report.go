package verifier

import (
	"encoding/binary"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/plan"
)

// Report is what a log says about a refused program or BTF. Fields that the log does not give are
// zero.
type Report struct {
	Log        string   // the log, with poisoned instructions explained
	Verdicts   []string // the lines that say what is wrong, at most three
	Headline   string   // the first line of a report in sections (Linux 7.3)
	Reason     string   // the kernel's explanation, likewise
	Suggestion string   // the kernel's suggestion, likewise
	Hint       string   // how to guard a poisoned instruction
	Cause      error    // why something the program needs is missing, if that is uncertain

	Insn     int    // index of the failing instruction; -1 if unknown
	InsnText string // that instruction as the kernel prints it
	Function string // the function that contains it
	File     string // its source position
	Line     int
	Column   int
	Source   string // its line of C, trimmed
}

// Verdict returns the verdicts on one line.
func (r *Report) Verdict() string { return strings.Join(r.Verdicts, "; ") }

// Read reads the log of a refused program, or of refused BTF if p is nil. types is the object's
// BTF, which line info refers to; it may be nil. Read never fails: a log of unknown shape gives
// its last line as the verdict.
func Read(log string, p *plan.Program, types *btf.Spec) Report {
	r := parse(log)
	r.Log = log
	if p == nil {
		return r
	}
	r.explainPoison(p)
	if r.Insn < 0 {
		return r
	}
	r.Function = functionAt(p, r.Insn)
	r.locate(p, types)
	return r
}

// locate takes the source position from the line info that was loaded with the program. Without
// line info, the position that the log gives stays.
func (r *Report) locate(p *plan.Program, types *btf.Spec) {
	size := int(p.LineInfoSize)
	if types == nil || size < 16 {
		return
	}
	var record []byte // the last one at or before Insn
	for rest := p.LineInfo; len(rest) >= size; rest = rest[size:] {
		if int(binary.NativeEndian.Uint32(rest)) > r.Insn {
			break
		}
		record = rest[:size]
	}
	if record == nil {
		return
	}
	source, _ := types.Name(binary.NativeEndian.Uint32(record[8:]))
	source = strings.TrimSpace(source)
	if source == "" && r.Source != "" {
		return
	}
	r.File, _ = types.Name(binary.NativeEndian.Uint32(record[4:]))
	r.Source = source
	position := binary.NativeEndian.Uint32(record[12:])
	r.Line, r.Column = int(position>>10), int(position&0x3ff)
}

// functionAt returns the name of the function that contains instruction insn of a linked program.
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
