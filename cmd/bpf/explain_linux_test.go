package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/glob"
	"github.com/purebpf/bpf/internal/refusal"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/internal/verifier"
)

// explain runs bpf explain with input.
func explain(input string, args ...string) (out string, err error) {
	var text bytes.Buffer
	root := newRootCommand("explain")
	root.SetArgs(append([]string{"explain"}, args...))
	root.SetIn(strings.NewReader(input))
	root.SetOut(&text)
	root.SetErr(&text)
	err = root.Execute()
	return text.String(), err
}

// TestExplain explains programs that each kernel refuses. Oracle: their source,
// testdata/refused.bpf.c.
func TestExplain(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	for program, want := range map[string][]string{
		"null_pointer": {"refused.bpf.c:33   return *v; // not checked\n" +
			strings.Repeat(" ", 26) + "^\n",
			"v (r0) may be NULL: it comes from bpf_map_lookup_elem at line 31 and isn't checked on the " +
				"path 31 → 33\n", "\nWrite:  if (!v) return 0;  before line 33\n",
			"\n  31  __u64 *v = bpf_map_lookup_elem(&array, &index);\n  33  return *v; // not checked\n"},
		"in_subprogram": {"refused.bpf.c:41   return p[at & 15];\n",
			"of reads_beyond, program in_subprogram\n",
			"\n  47  return reads_beyond(skb, skb->len);\n"},
		"missing_kfunc": {"refused.bpf.c:69   bpf_no_such_kfunc();\n",
			"guard the call with bpf_ksym_exists\n"},
		"endless":     {"refused.bpf.c:79   i++;\n", "nothing has changed"},
		"large_stack": {" bytes of stack; 512 are allowed\n"},
		"missing_map": {"the kernel accepts all programs\n"},
	} {
		out, err := explain("", "../../testdata/refused.bpf.o", "--program", program)
		if err != nil {
			t.Errorf("%s: %v", program, err)
		}
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: no %q in\n%s", program, w, out)
			}
		}
	}
	if _, err := explain("", "../../testdata/refused.bpf.o", "--program", "endles"); err == nil ||
		!strings.Contains(err.Error(), "near: endless") {
		t.Errorf("a misspelt program: %v", err)
	}
}

// kernelPlace returns what a log says about the line of the last instruction in it: its text, and
// from Linux 6.9 on its file and number.
func kernelPlace(log string) (source, file string, line int) {
	for l := range strings.Lines(log) {
		if text, ok := strings.CutPrefix(l, "; "); ok {
			source, file, line = verifier.SourceLine(strings.TrimSuffix(text, "\n"))
		}
	}
	return source, file, line
}

// TestExplainCorpus explains refused objects of the corpus. Oracle: C libbpf, which must be refused
// the same program, and the line of C that the kernel writes in its log for it. Most refusals must
// get a line and a reason in words, beside the kernel's own. Objects that the kernel refuses to C
// libbpf without a verdict don't count.
func TestExplainCorpus(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	testkit.SameArch(t)
	var candidates []string
	for _, path := range testkit.Corpus(t, "selftests") {
		name := filepath.Base(path)
		if slices.ContainsFunc([]string{"find_vma_fail*", "for_each_map_elem_write*",
			"test_global_func*",
			"test_core_reloc_*", "test_ksyms*", "test_log_buf*", "test_sockmap_invalid*",
			"test_spin_lock*", "test_xdp_devmap*", "bpf_tcp_nogpl*", "tcp_ca_*", "test_probe_user*",
			"test_get_stack*err*", "bpf_dctcp_release*", "test_bpf_nf*"},
			func(pattern string) bool { return glob.Match(pattern, name) }) {
			candidates = append(candidates, path)
		}
	}
	all, more := 0, 0
	for _, path := range testkit.Spread(t, "objects that kernels refuse", candidates, 16) {
		refused := testkit.Oracle(t, path)[0]
		if refused.OK || refused.Program == "" {
			continue
		}
		logs := refusal.Logs(testkit.OracleLog(t, path))
		i := slices.IndexFunc(logs,
			func(l refusal.Log) bool { return l.Program == refused.Program })
		if i < 0 {
			continue
		}
		theirs := verifier.Read(logs[i].Text, nil, nil)
		if theirs.Verdict() == "" {
			continue
		}
		out, err := explain("", "-j", path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var list []refusal.Explanation
		if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 {
			t.Errorf("%s: %v: %s", path, err, out)
			continue
		}
		e := list[0]
		own := strings.Contains(logs[i].Text, ": <") // libbpf replaced the instruction
		if e.Program != refused.Program || e.Insn != theirs.Insn && theirs.Insn >= 0 && !own {
			t.Errorf("%s: program %s, instruction %d; C libbpf has %s, %d", path, e.Program, e.Insn,
				refused.Program, theirs.Insn)
		}
		all++
		if e.At != nil && e.At.File != "" && e.At.Number > 0 && e.Reason != "" {
			more++
		} else {
			t.Logf("%s: only %q", path, e.Kernel)
		}
		source, file, line := kernelPlace(logs[i].Text)
		if theirs.Insn < 0 || source == "" || e.At == nil {
			continue
		}
		if strings.TrimSpace(e.At.Source) != source ||
			file != "" && (filepath.Base(e.At.File) != filepath.Base(file) || e.At.Number != line) {
			t.Errorf("%s: %s:%d %q, the kernel says %s:%d %q", path, e.At.File, e.At.Number,
				e.At.Source, file, line, source)
		}
	}
	t.Logf("%d of %d refusals get more than the kernel's last line", more, all)
	if more*10 < all*9 {
		t.Errorf("%d of %d refusals get more than the kernel's last line", more, all)
	}
}

// TestExplainInput: what is no log, or not the whole of one, gives one error or what is known.
// Oracle: the input.
func TestExplainInput(t *testing.T) {
	const cut = "5: (85) call bpf_map_lookup_elem#1\n6: (79) r1 = *(u64 *)(r0 +"
	dir := t.TempDir()
	binary := filepath.Join(dir, "binary")
	if err := os.WriteFile(binary, []byte("\x7fELF\x02\x01\x01\x00no object"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ input, path, want string }{
		{"", "-", "standard input: neither a BPF object nor a verifier's log: no line"},
		{"text\n", "-", "no line is an instruction"},
		{"\x00\x01\x02\x03", "-", "standard input: neither a BPF object nor a verifier's log"},
		{"", filepath.Join(dir, "none"), "none: no such file or directory"},
		{"", dir, "a directory"},
		{"", binary, "open object "},
		{cut, "-", ""},
	} {
		out, err := explain(c.input, c.path)
		if c.want == "" {
			if err != nil ||
				!strings.Contains(out, "kernel: the log ends without a verdict at instruction 6") {
				t.Errorf("%q: %v\n%s", c.input, err, out)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%q %s: %v", c.input, c.path, err)
		}
	}
	if _, err := explain(cut, "-", "--program", "x"); err == nil {
		t.Error("--program of a log")
	}
}
