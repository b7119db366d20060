package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestRefused makes the running kernel refuse each program of testdata/refused.bpf.c. The oracle is
// the C source: the error must name the wrong line.
func TestRefused(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	source, err := os.ReadFile("../../testdata/refused.bpf.c")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		program string
		line    string // in the source, "" if the verdict is about the whole program
		verdict string // part of it
		in      string // function
	}{
		{"null_pointer", "return *v; // not checked", "invalid mem access 'map_value_or_null'",
			"null_pointer"},
		{"in_subprogram", "return p[at & 15];", "invalid ", "reads_beyond"},
		{"missing_field", "struct task_struct___none *task =",
			"struct task_struct___none.no_such_field", "missing_field"},
		{"missing_map", "return bpf_map_lookup_elem(&optional, &zero) != NULL;",
			"map optional, which was not created", "missing_map"},
		{"missing_kfunc", "\tbpf_no_such_kfunc();", "kfunc bpf_no_such_kfunc", "missing_kfunc"},
		{"endless", "i++;", "infinite loop", "endless"},
		{"large_stack", "", "stack size", ""},
	} {
		t.Run(c.program, func(t *testing.T) {
			o := only(open(t, "refused"), c.program)
			o.Map("optional").Autocreate = false
			obj, err := bpf.Load(o, nil)
			if err == nil {
				obj.Close()
				t.Fatal("it loaded")
			}
			var e *bpf.VerifierError
			if !errors.As(err, &e) {
				t.Fatalf("%T: %v", err, err)
			}
			// logs that we changed are no golden logs
			if os.Getenv("PUREBPF_GOLDEN") == "1" && e.Hint == "" {
				major, rest, _ := strings.Cut(testkit.KernelRelease(), ".")
				minor, _, _ := strings.Cut(rest, ".")
				file := filepath.Join("internal/verifier/testdata",
					major+"."+minor+"-"+c.program+".log")
				if err := os.WriteFile(file, []byte(e.Log), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if !strings.Contains(e.Verdict, c.verdict) || e.Program != c.program ||
				e.Object != "refused" || e.Function != c.in {
				t.Errorf("verdict %q, program %q, object %q, function %q",
					e.Verdict, e.Program, e.Object, e.Function)
			}
			var errno syscall.Errno
			if !errors.As(err, &errno) {
				t.Error("no errno in it")
			}
			text := e.Error()
			if strings.ContainsRune(text, '\n') ||
				!strings.Contains(text, "refused: load program "+c.program+" (SEC ") {
				t.Errorf("not one line that names the program: %s", text)
			}
			if full := fmt.Sprintf("%+v", err); !strings.Contains(full, "\nprocessed ") {
				t.Errorf("the whole log is missing:\n%s", full)
			}
			if c.line == "" {
				return
			}
			before, _, found := strings.Cut(string(source), c.line)
			if !found {
				t.Fatalf("%q is not in the source", c.line)
			}
			want := strings.Count(before, "\n") + 1
			if filepath.Base(e.File) != "refused.bpf.c" || e.Line != want ||
				!strings.Contains(e.Source, strings.TrimSpace(c.line)) {
				t.Errorf("at %s:%d %q, want line %d %q", e.File, e.Line, e.Source, want, c.line)
			}
		})
	}
}

// TestRefusedAfterOthers: programs before the refused one are closed again.
func TestRefusedAfterOthers(t *testing.T) {
	testkit.Root(t)
	before := len(testkit.FDs())
	o := open(t, "maps")
	last := o.Programs[len(o.Programs)-1]
	last.Autoload = true
	last.Insns = last.Insns[:len(last.Insns)-1] // no exit at its end
	_, err := bpf.Load(o, &bpf.LoadOptions{SkipPins: true})
	var e *bpf.VerifierError
	if !errors.As(err, &e) || e.Program != last.Name {
		t.Fatalf("%v", err)
	}
	if after := len(testkit.FDs()); after != before {
		t.Fatalf("%d descriptors before, %d after", before, after)
	}
}

// TestLogLevel: a program that loads with a log level has a log, others have none.
func TestLogLevel(t *testing.T) {
	obj := load(t, only(open(t, "maps"), "count", "callee"), &bpf.LoadOptions{SkipPins: true})
	if log := obj.Program("count").VerifierLog(); log != "" {
		t.Errorf("log at level 0: %s", log)
	}
	obj = load(t, only(open(t, "maps"), "count", "callee"),
		&bpf.LoadOptions{SkipPins: true, LogLevel: 4})
	if log := obj.Program("count").VerifierLog(); !strings.HasPrefix(log, "verification time ") &&
		!strings.HasPrefix(log, "processed ") {
		t.Errorf("log at level 4: %q", log)
	}
}
