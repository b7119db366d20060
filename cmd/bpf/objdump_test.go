package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// runVerb runs a command line of objdump and returns what it printed.
func runVerb(args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	root := newRootCommand()
	root.SetArgs(append([]string{"objdump"}, args...))
	root.SetOut(&out)
	root.SetErr(&errs)
	err = root.Execute()
	return out.String(), errs.String(), err
}

// Oracle: llvm-objdump-19 with the same flags over several files. The text itself is compared over
// the corpus in internal/objdump.
func TestObjdump(t *testing.T) {
	paths := testkit.Corpus(t, "xdp")
	for _, flags := range [][]string{nil, {"--no-show-raw-insn"}} {
		want := string(testkit.Run(t, "llvm-objdump-19",
			append(append([]string{"-d"}, flags...), paths...)...))
		got, stderr, err := runVerb(
			append(append([]string{"--no-comments"}, flags...), paths...)...)
		if err != nil || stderr != "" || got != want {
			t.Errorf("%v: error %v, %d bytes, llvm-objdump prints %d, stderr %q",
				flags, err, len(got), len(want), stderr)
		}
	}
	snoop := testkit.CorpusObject(t, "tools/opensnoop.bpf.o")
	got, stderr, err := runVerb("-S", snoop)
	if err != nil || stderr != "" ||
		!strings.Contains(got, "call 0xe # bpf_get_current_pid_tgid\n") ||
		!strings.Contains(got, "\n; \treturn 0;\n") {
		t.Errorf("-S %s: error %v, stderr %q, no helper or source line among %d bytes",
			snoop, err, stderr, len(got))
	}
	if _, stderr, err := runVerb("-S", paths[0]); err != nil ||
		!strings.Contains(stderr, "no source lines") {
		t.Errorf("-S of an object without lines: error %v, stderr %q", err, stderr)
	}
}

// The error names a file that is no object; the objects after it are still listed.
func TestObjdumpErrors(t *testing.T) {
	good := testkit.Corpus(t, "xdp")[0]
	missing := filepath.Join(t.TempDir(), "missing.o")
	out, _, err := runVerb("objdump_test.go", missing, good)
	if err == nil || !strings.Contains(err.Error(), "objdump_test.go: ") ||
		!strings.Contains(err.Error(), missing) {
		t.Errorf("error %v does not name both files", err)
	}
	if !strings.Contains(out, good+":\tfile format elf64-bpf") {
		t.Errorf("%s is not listed: %q", good, out)
	}
	if _, _, err := runVerb(); err == nil {
		t.Error("no error without arguments")
	}
}
