package facts_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		testkit.Skip(t, "%v", err)
	}
	return data
}

// recordRunning makes a recording of the running kernel.
func recordRunning(t testing.TB) facts.Recording {
	t.Helper()
	k := kernel.Running()
	r := facts.Recording{
		Version:  k.Version(),
		BTF:      readFile(t, "/sys/kernel/btf/vmlinux"),
		Kallsyms: readFile(t, "/proc/kallsyms"),
		PageSize: k.PageSize(),
	}
	if config, err := k.Kconfig(); err == nil {
		r.Kconfig = config
	}
	var err error
	if r.CPUs, err = k.PossibleCPUs(); err != nil {
		t.Fatal(err)
	}
	modules, err := k.Modules()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modules {
		r.Modules = append(r.Modules, facts.ModuleRecording{Name: m.Name, BTF: m.BTF.Raw()})
	}
	for f := range facts.NumFeatures {
		switch yes, err := k.Has(f); {
		case err != nil:
			t.Logf("%s: %v", f, err)
		case yes:
			r.Features[f] = facts.Yes
		default:
			r.Features[f] = facts.No
		}
	}
	return r
}

// planText plans an object and returns the plan or the error as text.
func planText(t *testing.T, o *object.Object, k facts.Kernel) string {
	t.Helper()
	p, err := plan.Resolve(o, k, nil)
	if err != nil {
		return err.Error()
	}
	text, err := json.MarshalIndent(p.View(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestRecordedIsLive plans the whole corpus for the running kernel and for its recording. The
// oracle is the running kernel.
func TestRecordedIsLive(t *testing.T) {
	testkit.Root(t)
	recorded := facts.NewRecorded(recordRunning(t))
	n := 0
	for _, path := range testkit.Corpus(t) {
		raw := readFile(t, path)
		o, err := object.Parse(raw, testkit.CorpusName(path))
		if err != nil {
			continue // package object's tests cover these
		}
		live, again := planText(t, o, kernel.Running()), planText(t, o, recorded)
		if diff := cmp.Diff(live, again); diff != "" {
			t.Errorf("%s: live (-), recorded (+):\n%s", testkit.CorpusName(path), diff)
		}
		n++
	}
	t.Logf("%d objects", n)
	if n < 500 {
		t.Errorf("only %d objects", n)
	}
}

// TestKsyms looks up symbols in kallsyms. The oracle is a simple reading of the file.
func TestKsyms(t *testing.T) {
	text := readFile(t, "/proc/kallsyms")
	want := map[string][]uint64{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		addr, err := strconv.ParseUint(words[0], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		name := words[2]
		if words[1] == "d" {
			name, _, _ = strings.Cut(name, ".llvm.")
		}
		if !slices.Contains(want[name], addr) {
			want[name] = append(want[name], addr)
		}
	}
	var names []string
	for name := range want {
		if len(name)%7 == 0 {
			names = append(names, name)
		}
	}
	names = append(names, "no such symbol", "", "bpf_prog_load_", names[0])
	addrs, ambiguous, err := facts.NewRecorded(facts.Recording{Kallsyms: text}).Ksyms(names)
	if err != nil {
		t.Fatal(err)
	}
	twice := 0
	for _, name := range names {
		addr, ok := addrs[name]
		list := want[name]
		if ok != (len(list) > 0) || ok && addr != list[0] {
			t.Errorf("%s: address %#x, %v; want %#x", name, addr, ok, list)
		}
		if ambiguous[name] != (len(list) > 1) {
			t.Errorf("%s: ambiguous is %v, addresses are %#x", name, ambiguous[name], list)
		}
		if len(list) > 1 {
			twice++
		}
	}
	t.Logf("%d symbols, %d of them ambiguous", len(names), twice)
	if len(addrs) < 1000 {
		t.Errorf("only %d symbols found", len(addrs))
	}
}

// TestUpstream compares the features of the version with the answers of the running kernel, which
// is recent enough to have all features of its version. The oracle is the kernel.
func TestUpstream(t *testing.T) {
	testkit.Root(t)
	testkit.SameArch(t)
	testkit.Kernel(t, "6.1")
	k := kernel.Running()
	for f, want := range facts.Upstream(k.Version()) {
		f := facts.Feature(f)
		yes, err := k.Has(f)
		if err != nil {
			t.Logf("%s: %v", f, err)
			continue
		}
		if yes && want == facts.No {
			t.Logf("%s (since %s): this kernel has it early", f, f.Since())
		}
		if !yes && f == facts.SyscallWrapper {
			t.Logf("%s: this kernel is configured without kprobes", f)
			continue
		}
		if !yes && want == facts.Yes {
			t.Errorf("%s (since %s): this kernel should have it", f, f.Since())
		}
	}
}

// TestSilence queries an empty recording. The oracle is the interface's documentation of the
// errors.
func TestSilence(t *testing.T) {
	k := facts.NewRecorded(facts.Recording{})
	if _, err := k.BTF(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("BTF: %v", err)
	}
	if m, err := k.Modules(); err != nil || len(m) != 0 {
		t.Errorf("Modules: %v, %v", m, err)
	}
	if _, _, err := k.Ksyms([]string{"x"}); !errors.Is(err, facts.ErrNotRecorded) {
		t.Errorf("Ksyms: %v", err)
	}
	if _, _, err := k.Ksyms(nil); err != nil {
		t.Errorf("Ksyms of nothing: %v", err)
	}
	if _, err := k.Kconfig(); !errors.Is(err, facts.ErrNotRecorded) {
		t.Errorf("Kconfig: %v", err)
	}
	if _, err := k.PossibleCPUs(); !errors.Is(err, facts.ErrNotRecorded) {
		t.Errorf("PossibleCPUs: %v", err)
	}
	if n := k.PageSize(); n != 4096 {
		t.Errorf("PageSize: %d", n)
	}
	for f := range facts.NumFeatures + 1 {
		if yes, err := k.Has(f); yes || !errors.Is(err, facts.ErrNotRecorded) {
			t.Errorf("%s: %v, %v", f, yes, err)
		}
	}
	for _, text := range []string{"x T f\n", "ffffffff81000000 T\n", "ffffffff810000001 T f\n",
		"ffffffff81000000", "\n"} {
		if _, _, err := facts.NewRecorded(facts.Recording{Kallsyms: []byte(text)}).Ksyms(
			[]string{"f"}); err == nil {
			t.Errorf("kallsyms %q: no error", text)
		}
	}
	bad := facts.NewRecorded(facts.Recording{BTF: []byte("no BTF"),
		Modules: []facts.ModuleRecording{{Name: "m"}}})
	var format *btf.FormatError
	if _, err := bad.BTF(); !errors.As(err, &format) {
		t.Errorf("bad BTF: %v", err)
	}
	if _, err := bad.Modules(); !errors.As(err, &format) {
		t.Errorf("modules over bad BTF: %v", err)
	}
}

// TestFeatures checks that the table is complete. The oracle is a lookup of each feature by name.
func TestFeatures(t *testing.T) {
	for f := range facts.NumFeatures {
		if g, ok := facts.FeatureNamed(f.String()); !ok || g != f {
			t.Errorf("feature %d is called %q, which is feature %d", f, f, g)
		}
		if f.Since() == "" || f.Text() == "" || f.Without() == "" {
			t.Errorf("feature %s: an empty description", f)
		}
	}
	if _, ok := facts.FeatureNamed("unknown feature"); ok {
		t.Error("unknown feature is known")
	}
}
