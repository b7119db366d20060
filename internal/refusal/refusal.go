// Package refusal explains in words why the verifier refused a program: the way that it followed,
// as lines of C, where the value comes from that it objects to, and what to write instead. Its
// facts are those of the verifier's log and of the program's line information.
package refusal

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/internal/verifier"
)

// Line is a line of C and the first of its instructions.
type Line struct {
	Insn   int    `json:"instruction"`
	File   string `json:"file,omitempty"`
	Number int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Source string `json:"source"` // with the spaces before it if they are known
}

// Explanation is what is known about a refusal. Fields that the log doesn't give are zero.
type Explanation struct {
	Program  string `json:"program,omitempty"`
	Function string `json:"function,omitempty"`
	At       *Line  `json:"at,omitempty"`     // the line that the verifier refused
	Insn     int    `json:"instruction"`      // -1 if the log doesn't say
	Text     string `json:"text,omitempty"`   // the instruction
	Kernel   string `json:"kernel"`           // the verdict, as the kernel writes it
	Reason   string `json:"reason,omitempty"` // in words
	Origin   *Line  `json:"origin,omitempty"` // where the value comes from
	Known    string `json:"known,omitempty"`  // what the verifier knows of the register
	Write    string `json:"write,omitempty"`  // what to write instead
	Path     []Line `json:"path"`             // the last lines of C on the way, At the last
	Before   int    `json:"before,omitempty"` // lines before those
}

// pathLines limits Path.
const pathLines = 12

// explainer explains one log.
type explainer struct {
	log   string
	lines []Line // by instruction, nil if only the log is known
	path  []step
	r     *verifier.Report
	out   *Explanation
	place int // of the refused instruction in the path; len(path) if it isn't there
}

// Explain explains a report. lines are those of the program in the order of its instructions, or
// nil if only the log is known. start is a line to name if the log names no instruction, or nil.
func Explain(r *verifier.Report, lines []Line, start *Line) *Explanation {
	out := &Explanation{Function: r.Function, Insn: r.Insn, Text: r.InsnText, Kernel: r.Verdict(),
		Path: []Line{}}
	x := &explainer{log: r.Log, lines: lines, path: follow(r.Log), r: r, out: out}
	x.place = len(x.path)
	if r.Insn >= 0 {
		for i := len(x.path) - 1; i >= 0; i-- {
			if int(x.path[i].insn) == r.Insn {
				x.place = i
				x.path = x.path[:i+1]
				break
			}
		}
	}
	x.way()
	switch {
	case r.Insn >= 0 && x.place < len(x.path):
		out.At = x.line(x.place)
	case r.Insn >= 0 && lines != nil:
		out.At = at(lines, r.Insn)
	case r.File != "":
		out.At = &Line{Insn: r.Insn, File: r.File, Number: r.Line, Source: r.Source}
	case len(out.Path) > 0:
		out.At = &out.Path[len(out.Path)-1]
	}
	if out.At == nil {
		out.At = start
	}
	x.reason()
	if r.Reason != "" { // the kernel knows best
		out.Reason = r.Reason
		out.Write = cmp.Or(r.Suggestion, out.Write)
	}
	return out
}

// way sets the path of the explanation.
func (x *explainer) way() {
	var all []Line // the last first
	var first Line // of those before
	for i := len(x.path) - 1; i >= 0; i-- {
		l := x.line(i)
		if l == nil || len(all) > 0 && sameLine(all[len(all)-1], *l) {
			continue
		}
		if len(all) == pathLines {
			if x.out.Before == 0 || !sameLine(first, *l) {
				x.out.Before++
			}
			first = *l
			continue
		}
		all = append(all, *l)
	}
	slices.Reverse(all)
	x.out.Path = append(x.out.Path, all...)
}

func sameLine(a, b Line) bool {
	return a.Number == b.Number && a.File == b.File && (a.Number != 0 || a.Source == b.Source)
}

// line returns the line of C at a place of the path, nil if it is not known.
func (x *explainer) line(place int) *Line {
	s := x.path[place]
	if x.lines != nil {
		return at(x.lines, int(s.insn))
	}
	if s.source < 0 {
		return nil
	}
	text := x.log[s.source+2:]
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	l := Line{Insn: int(s.insn)}
	l.Source, l.File, l.Number = verifier.SourceLine(text)
	return &l
}

// at returns the line of an instruction, nil if it is not known.
func at(lines []Line, insn int) *Line {
	i, found := slices.BinarySearchFunc(lines, insn,
		func(l Line, insn int) int { return cmp.Compare(l.Insn, insn) })
	if !found {
		i--
	}
	if i < 0 {
		return nil
	}
	return &lines[i]
}

// where names a place of the path: "line 12", "line 12 of file.h", "instruction 3".
func (x *explainer) where(place int) string {
	l := x.line(place)
	switch {
	case l == nil || l.Number == 0 && l.Source == "":
		return "instruction " + strconv.Itoa(int(x.path[place].insn))
	case l.Number == 0:
		return "\"" + strings.TrimSpace(l.Source) + "\""
	case x.out.At != nil && l.File != x.out.At.File:
		return "line " + strconv.Itoa(l.Number) + " of " + path.Base(l.File)
	}
	return "line " + strconv.Itoa(l.Number)
}

// here names the refused line.
func (x *explainer) here() string {
	if x.out.At != nil && x.out.At.Number > 0 {
		return "line " + strconv.Itoa(x.out.At.Number)
	}
	return "that line"
}

// from says where a value comes from, "" if that isn't known, and remembers it.
func (x *explainer) from(o origin) string {
	if o.kind != unknown && o.kind != unset && o.kind != context {
		x.out.Origin = x.line(o.place)
	}
	switch o.kind {
	case returned:
		return "it comes from " + o.name + " at " + x.where(o.place)
	case loaded:
		return "it is read from memory at " + x.where(o.place)
	case given:
		return "it is what " + o.name + " passes to the callback"
	case constant:
		return "it is a constant from " + x.where(o.place)
	case context:
		return "it is the argument of the program"
	}
	return ""
}

// variable returns the name that the C source gives to a value at its origin: what stands before
// "=" in the line, "" if there is no such thing.
func (x *explainer) variable(o origin) string {
	if o.kind != returned && o.kind != loaded {
		return ""
	}
	l := x.line(o.place)
	if l == nil {
		return ""
	}
	left, right, ok := strings.Cut(l.Source, "=")
	if !ok || strings.HasPrefix(right, "=") || strings.ContainsAny(left, "!<>+-*/%&|^(") &&
		!declares(left) || o.kind == returned && !strings.Contains(right, o.name) {
		return ""
	}
	left = strings.TrimSpace(left)
	at := len(left)
	for at > 0 && isName(left[at-1]) {
		at--
	}
	if name := left[at:]; name != "" && (name[0] < '0' || name[0] > '9') {
		return name
	}
	return ""
}

// declares reports whether a text declares a pointer: "struct s *p ".
func declares(left string) bool {
	return !strings.ContainsAny(left, "!<>+-/%&|^(") && strings.Count(left, "*") <= 2 &&
		strings.IndexByte(strings.TrimSpace(left), '*') > 0
}

func isName(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// lineNumbers returns the way from a place to the end: "37 → 39 → 41"; "" if that says nothing.
func (x *explainer) lineNumbers(place int) string {
	var list []string
	file := ""
	for i := place; i < len(x.path) && i < place+1<<12; i++ {
		l := x.line(i)
		if l == nil || l.Number == 0 {
			continue
		}
		if file == "" {
			file = l.File
		}
		text := strconv.Itoa(l.Number)
		if l.File != file {
			text = path.Base(l.File) + ":" + text
		}
		if len(list) == 0 || list[len(list)-1] != text {
			list = append(list, text)
		}
	}
	if len(list) < 2 {
		return ""
	}
	if len(list) > 8 {
		list = append(append(list[:4:4], "…"), list[len(list)-3:]...)
	}
	return strings.Join(list, " → ")
}
