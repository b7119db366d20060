package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/input"
	"github.com/purebpf/bpf/internal/magic"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/refusal"
	"github.com/purebpf/bpf/internal/screen"
	"github.com/purebpf/bpf/internal/verifier"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
)

type explainFlags struct {
	objectOptions
	settings
	program string
	asJSON  bool
}

func newExplainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain OBJ|LOGFILE [--program NAME]",
		Short: "Explain in words why the verifier refuses a program",
		Long: `Explain loads an object, attaches nothing, and explains why the verifier refuses a program: the line
of C, the reason, where the value comes from, what to write instead, and the way that the verifier
followed, as lines of C.

  bpf explain refused.bpf.o
  bpf explain refused.bpf.o --program handle_open

It also explains a log of the verifier, as libbpf and other loaders print it, without privileges and
on any OS; "-" is the standard input. Logs have line numbers since Linux 6.9; of an object they are
known on any kernel.

  bpf verify --log refused.bpf.o | bpf explain -

The advice is what usually helps; the kernel's own words are always shown. With -j the output is a
list of explanations, empty if the kernel accepts the object. The exit status is 1 if the load fails
for another reason, or if a file is no log.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := f.explain(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			return f.print(cmd.OutOrStdout(), args[0], list)
		},
	}
	f.resolving(cmd.Flags())
	f.settings.flags(cmd.Flags())
	f.delegated(cmd.Flags())
	cmd.Flags().StringVar(&f.program, "program", "", "load only this program of the object")
	cmd.Flags().BoolVarP(&f.asJSON, "json", "j", false, "print JSON")
	return cmd
}

// maxLog limits logs; the kernel writes at most 1 GiB, of programs that run to the limit less.
const maxLog = 256 << 20

// explain returns the explanations of what a path names.
func (f *explainFlags) explain(path string, stdin io.Reader) ([]*refusal.Explanation, error) {
	var text []byte
	var err error
	if path == "-" {
		path = "standard input"
		text, err = input.ReadAll(stdin, 0, path, maxLog)
	} else if isObject(path) {
		return f.object(path)
	} else {
		text, err = input.Read(path, maxLog)
	}
	if err != nil {
		return nil, err
	}
	if f.program != "" {
		return nil, errors.New("--program is for objects, not for logs")
	}
	if what := magic.Text(text[:min(len(text), magic.HeadSize)]); what != "" {
		return nil, fmt.Errorf("%s: neither a BPF object nor a verifier's log but %s", path, what)
	}
	logs := refusal.Logs(string(text))
	if len(logs) == 0 {
		return nil, fmt.Errorf("%s: neither a BPF object nor a verifier's log: no line is an "+
			"instruction such as \"0: (b7) r1 = 0\"", path)
	}
	var list []*refusal.Explanation
	for _, log := range logs {
		r := verifier.Read(log.Text, nil, nil)
		e := refusal.Explain(&r, nil, nil)
		e.Program = log.Program
		list = append(list, e)
	}
	return list, nil
}

// isObject reports whether a file is to be read as an object: an ELF file, C source, or one that
// can't be read, so that the error is that of an object.
func isObject(path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() || isSource(path) || filepath.Ext(path) == ".o" {
		return true
	}
	if !info.Mode().IsRegular() {
		return false
	}
	file, err := input.OpenStored(path, maxLog)
	if err != nil {
		return true
	}
	defer file.Close()
	head := make([]byte, 4)
	n, _ := file.ReadAt(head, 0)
	return string(head[:n]) == "\x7fELF"
}

// object loads an object and returns the explanation of the refusal, none if it loads.
func (f *explainFlags) object(path string) ([]*refusal.Explanation, error) {
	o, err := f.open(path)
	if err != nil {
		return nil, err
	}
	if err := f.apply(o); err != nil {
		return nil, err
	}
	if f.program != "" {
		if err := selectOnly(o, f.program); err != nil {
			return nil, err
		}
	}
	opts, err := f.load()
	if err != nil {
		return nil, err
	}
	if f.token == "" {
		if err := kernel.Running().Require("loading objects", kernel.CapBPF); err != nil {
			return nil, err
		}
	}
	opts.SkipPins = true
	loaded, err := bpf.Load(o, opts)
	if err == nil {
		return nil, loaded.Close()
	}
	var refused *bpf.VerifierError
	if !errors.As(err, &refused) || refused.Program == "" || refused.Verdict == "" {
		return nil, err
	}
	r := &verifier.Report{Log: refused.Log, Verdicts: strings.Split(refused.Verdict, "; "),
		Reason: refused.Reason, Suggestion: refused.Suggestion, Hint: refused.Hint,
		Insn: refused.Insn, InsnText: refused.InsnText, Function: refused.Function,
		File: refused.File, Line: refused.Line, Column: refused.Column, Source: refused.Source}
	lines, start := f.lines(o, refused)
	e := refusal.Explain(r, lines, start)
	e.Program = refused.Program
	return []*refusal.Explanation{e}, nil
}

// selectOnly lets only one program load.
func selectOnly(o *object.Object, name string) error {
	var names []string
	for _, p := range o.Programs {
		names = append(names, p.Name)
		p.Autoload = p.Name == name
	}
	if !slices.Contains(names, name) {
		return withNear(fmt.Errorf("object %s has no program %q", o.Name, name), name, names...)
	}
	return nil
}

// lines returns the lines of C of a refused program, and the one to name if its log names no
// instruction: where the symbol is used that the verdict is about, else where the program begins.
func (f *explainFlags) lines(o *object.Object, refused *bpf.VerifierError) (
	lines []refusal.Line, start *refusal.Line) {
	opts, err := f.plan()
	if err != nil || o.BTF == nil {
		return nil, nil
	}
	k, token, err := f.kernel()
	if err != nil {
		return nil, nil
	}
	defer token.Close()
	resolved, err := plan.Resolve(o, k, opts)
	if err != nil {
		return nil, nil
	}
	i := slices.IndexFunc(resolved.Programs, func(p *plan.Program) bool {
		return p.Spec.Name == refused.Program
	})
	if i < 0 {
		return nil, nil
	}
	p := resolved.Programs[i]
	for _, l := range p.Lines() {
		file, _ := o.BTF.Name(l.FileNameOff)
		source, _ := o.BTF.Name(l.LineOff)
		lines = append(lines, refusal.Line{Insn: int(l.InsnOff), File: file,
			Number: int(l.Line()), Column: int(l.Column()),
			Source: strings.TrimRight(source, " \t")})
	}
	if len(lines) == 0 {
		return nil, nil
	}
	start = &lines[0]
	for _, sub := range p.Subprogs {
		if sub.Func == nil {
			continue
		}
		for _, r := range sub.Func.Relocs {
			if r.Extern == nil || !strings.Contains(refused.Verdict, "'"+r.Extern.Name+"'") {
				continue
			}
			for n := range lines {
				if lines[n].Insn <= sub.Start+r.Insn {
					start = &lines[n]
				}
			}
		}
	}
	return lines, start
}

// print prints explanations.
func (f *explainFlags) print(w io.Writer, path string, list []*refusal.Explanation) error {
	if f.asJSON {
		if list == nil {
			list = []*refusal.Explanation{}
		}
		doc, err := json.MarshalIndent(list, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(printable.JSON{To: w}, "%s\n", doc)
		return err
	}
	if len(list) == 0 {
		return say(w, "%s: the kernel accepts all programs", path)
	}
	for i, e := range list {
		if i > 0 {
			fmt.Fprintln(w)
		}
		for _, line := range explanation(e) {
			if err := say(w, "%s", line); err != nil {
				return err
			}
		}
	}
	return nil
}

// explanation returns the lines that explain a refusal.
func explanation(e *refusal.Explanation) (lines []string) {
	if e.At != nil {
		head := ""
		if e.At.File != "" {
			head = filepath.Base(e.At.File) + ":" + strconv.Itoa(e.At.Number) + "   "
		}
		source := expanded(e.At.Source)
		bare := strings.TrimLeft(source, " ")
		lines = append(lines, head+bare)
		if e.At.Column > 1 && len(source) > len(bare) {
			before := expanded(e.At.Source[:min(e.At.Column-1, len(e.At.Source))])
			if at := screen.Width(before) - (len(source) - len(bare)); at > 0 {
				lines = append(lines, strings.Repeat(" ", screen.Width(head)+at)+"^")
			}
		}
	}
	if e.Reason != "" {
		lines = append(lines, e.Reason)
	}
	if e.Known != "" {
		lines = append(lines, "The verifier knows: "+e.Known)
	}
	if e.Write != "" {
		lines = append(lines, "Write:  "+e.Write)
	}
	kernel := fmt.Sprintf("kernel: %q", e.Kernel)
	switch e.Kernel {
	case "":
		kernel = "kernel: the log ends without a verdict"
	case e.Reason: // our words for an instruction that was replaced
		kernel = "kernel: refused"
	}
	if e.Insn >= 0 {
		kernel += " at instruction " + strconv.Itoa(e.Insn)
	}
	if e.Text != "" {
		kernel += " " + e.Text
	}
	of := e.Function
	if of == "" {
		of = e.Program
	}
	if of != "" {
		kernel += " of " + of
	}
	if e.Program != "" && e.Program != of {
		kernel += ", program " + e.Program
	}
	lines = append(lines, kernel)
	if len(e.Path) > 1 {
		lines = append(lines, pathLines(e)...)
	}
	return lines
}

// pathLines returns the way of the verifier.
func pathLines(e *refusal.Explanation) (lines []string) {
	lines = append(lines, "The verifier's way there:")
	if e.Before > 0 {
		lines = append(lines, fmt.Sprintf("  … %d lines before", e.Before))
	}
	file := ""
	if e.At != nil {
		file = e.At.File
	}
	width := 0
	names := make([]string, len(e.Path))
	for i, l := range e.Path {
		if l.Number > 0 {
			names[i] = strconv.Itoa(l.Number)
			if l.File != file {
				names[i] = filepath.Base(l.File) + ":" + names[i]
			}
		}
		width = max(width, screen.Width(names[i]))
	}
	for i, l := range e.Path {
		lines = append(lines, strings.TrimRight(fmt.Sprintf("  %*s  %s", width, names[i],
			strings.TrimLeft(expanded(l.Source), " ")), " "))
	}
	return lines
}

// expanded replaces tabs, of which one is four columns wide.
func expanded(text string) string { return strings.ReplaceAll(text, "\t", "    ") }
