package core

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
)

// The oracle of this file is C libbpf (testdata/relocs.c): its log about each relocation, candidate
// and patched instruction of an object must equal ours.

// verdict is the result for one object: one text per relocation, and where it failed.
type verdict struct {
	decisions map[string]string // "section #index": text
	failed    string            // the relocation at which loading ended, "" if none
	order     []string
}

func (v *verdict) add(key, line string) {
	if v.decisions == nil {
		v.decisions = map[string]string{}
	}
	if _, ok := v.decisions[key]; !ok {
		v.order = append(v.order, key)
	}
	v.decisions[key] += line + "\n"
}

type testProgram struct {
	name, section string
	start, end    int
}

var (
	reProgram = regexp.MustCompile(
		`^libbpf: sec '(.*)': found program '(.*)' at insn offset (\d+) \(\d+ bytes\), code size (\d+) insns`)
	reSection = regexp.MustCompile(`^libbpf: sec '(.*)': found \d+ CO-RE relocations`)
	reRelo    = regexp.MustCompile(`^libbpf: prog '(.*?)': relo #(\d+): (.*)`)
)

// libbpf runs the oracle.
func libbpf(t testing.TB, oracle, obj, custom string) (verdict, []testProgram) {
	t.Helper()
	args := []string{obj}
	if custom != "" {
		args = append(args, custom)
	}
	out, err := exec.Command(oracle, args...).Output()
	if err != nil {
		t.Fatalf("%s %q: %v", oracle, args, err)
	}
	var (
		v       verdict
		progs   []testProgram
		section string
		inCore  bool
	)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if m := reProgram.FindStringSubmatch(line); m != nil {
			start, _ := strconv.Atoi(m[3])
			n, _ := strconv.Atoi(m[4])
			progs = append(progs, testProgram{m[2], m[1], start, start + n})
		}
		if m := reSection.FindStringSubmatch(line); m != nil {
			section, inCore = m[1], true
		}
		m := reRelo.FindStringSubmatch(line)
		if m == nil || !inCore {
			continue
		}
		key, text := section+" #"+m[2], m[3]
		switch {
		case strings.HasPrefix(text, "<"), strings.HasPrefix(text, "matching"),
			strings.HasPrefix(text, "non-matching"),
			strings.HasPrefix(text, "patched"), strings.HasPrefix(text, "substituting"):
			v.add(key, text)
		case strings.HasPrefix(text, "failed to"):
			v.add(key, "failed: "+text[strings.LastIndexByte(text, ' ')+1:])
			v.failed = key
			return v, progs
		}
	}
	return v, progs
}

// ours resolves and patches everything as a load would and describes it in libbpf's words.
func ours(t testing.TB, o *testObject, progs []testProgram, target *Target) verdict {
	t.Helper()
	var v verdict
	if o.ext == nil {
		return v
	}
	relos := o.relos(t)
	target.Prefetch(o.btf, plainRelos(relos))
	x := target.NewResolver(o.btf)
	for _, r := range relos {
		start := -1
		for _, p := range progs {
			if p.section == r.section && p.start <= r.insn && r.insn < p.end {
				start = p.start
			}
		}
		if start < 0 {
			continue // code outside of programs: an overridden weak function
		}
		key := fmt.Sprintf("%s #%d", r.section, r.index)
		if new(spec).parse(o.btf, r.Relo) == nil {
			v.add(key, Describe(o.btf, r.Relo))
		}
		if r.Kind != TypeIDLocal {
			tellCandidates(&v, key, x, r.Relo)
		}
		res, err := x.Resolve(r.Relo)
		if err == nil {
			insns := o.insns[r.section]
			old := [2]asm.Instruction{insns[r.insn]}
			if r.insn+1 < len(insns) {
				old[1] = insns[r.insn+1]
			}
			poisons := res.Poisons(old[0])
			if err = res.Patch(insns, r.insn); err == nil {
				tellPatch(&v, key, r.insn-start, old[:], insns[r.insn:], poisons)
			}
		}
		if err != nil {
			e := new(Error)
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			v.add(key, fmt.Sprintf("failed: %d", -e.Errno))
			v.failed = key
			return v
		}
	}
	return v
}

func tellCandidates(v *verdict, key string, x *Resolver, r Relo) {
	var here, there spec
	if here.parse(x.local, r) != nil {
		return
	}
	cands, err := x.candidates(r.Type)
	if err != nil {
		return
	}
	steps := resolverBudget
	for i, c := range cands {
		ok, err := there.match(&here, c, &steps)
		switch {
		case err != nil:
			return
		case ok:
			v.add(key, fmt.Sprintf("matching candidate #%d %s", i, there.String()))
			if _, err := there.fact(x.order); err != nil {
				return
			}
		default:
			v.add(key, fmt.Sprintf("non-matching candidate #%d", i))
		}
	}
}

func tellPatch(v *verdict, key string, insn int, old, now []asm.Instruction, poisoned bool) {
	if poisoned {
		v.add(key, fmt.Sprintf("substituting insn #%d w/ invalid insn", insn))
		if old[0].IsLdImm64() {
			v.add(key, fmt.Sprintf("substituting insn #%d w/ invalid insn", insn+1))
		}
		return
	}
	switch {
	case old[0].IsLdImm64():
		v.add(key, fmt.Sprintf("patched insn #%d (LDIMM64) imm64 %d -> %d",
			insn, old[0].Imm64(old[1]), now[0].Imm64(now[1])))
	case old[0].Op.IsMemory():
		v.add(key, fmt.Sprintf("patched insn #%d (LDX/ST/STX) off %d -> %d",
			insn, old[0].Off, now[0].Off))
		if old[0].Op != now[0].Op {
			v.add(key, fmt.Sprintf("patched insn #%d (LDX/ST/STX) mem_sz %d -> %d",
				insn, old[0].Op.Size().Bytes(), now[0].Op.Size().Bytes()))
		}
	default:
		v.add(key, fmt.Sprintf("patched insn #%d (ALU/ALU64) imm %d -> %d",
			insn, old[0].Imm, now[0].Imm))
	}
}

// nonMatching removes the details of candidates that did not match: they are what libbpf had found
// before it stopped.
var nonMatching = regexp.MustCompile(`(?m)^(non-matching candidate #\d+).*`)

// tally counts libbpf's decisions.
type tally struct{ relos, poisoned, none, several, failed, widths int }

func (n *tally) add(v verdict) {
	n.relos += len(v.order)
	if v.failed != "" {
		n.failed++
	}
	for _, text := range v.decisions {
		if strings.Contains(text, "substituting") {
			n.poisoned++
		}
		if strings.Contains(text, "non-matching") {
			n.none++
		}
		if strings.Count(text, "\nmatching") > 1 {
			n.several++
		}
		if strings.Contains(text, "mem_sz") {
			n.widths++
		}
	}
}

func (n *tally) String() string {
	return fmt.Sprintf("%d relocations, %d poisoned, %d with candidates that do not match, %d with several that do, %d with another width; %d objects refused",
		n.relos, n.poisoned, n.none, n.several, n.widths, n.failed)
}

// newer are decisions in which libbpf 1.5, the oracle, differs from the later version that we
// follow, with those of the later version.
var newer = []struct{ object, relo, decision, reason string }{
	{
		"two_program.bpf.o", "syscall #7", "patched insn #121 (LDX/ST/STX) off 28 -> 36",
		"since 1.6 an array that is read by its name counts by its element's size, not by the whole array's",
	},
}

// compareWithLibbpf reports differences between our decisions and C libbpf's, which it returns.
func compareWithLibbpf(t *testing.T, oracle, obj, custom string, target *Target) verdict {
	t.Helper()
	want, progs := libbpf(t, oracle, obj, custom)
	if len(want.decisions) == 0 {
		return want
	}
	got := ours(t, readObject(t, obj), progs, target)
	for k, text := range want.decisions {
		want.decisions[k] = nonMatching.ReplaceAllString(text, "$1")
	}
	if diff := cmp.Diff(want.order, got.order); diff != "" {
		t.Errorf("%s (target %s): relocations libbpf resolved (-) and we (+):\n%s",
			filepath.Base(obj), filepath.Base(custom), diff)
	}
	if want.failed != got.failed {
		t.Errorf("%s (target %s): libbpf failed at %q, we at %q",
			filepath.Base(obj), filepath.Base(custom), want.failed, got.failed)
	}
	for _, n := range newer {
		if n.object == filepath.Base(obj) {
			if !strings.Contains(want.decisions[n.relo], "substituting") ||
				!strings.Contains(got.decisions[n.relo], n.decision) {
				t.Errorf("%s: %s: the known difference (%s) is gone: libbpf %q, ours %q", n.object,
					n.relo, n.reason, want.decisions[n.relo], got.decisions[n.relo])
			}
			delete(want.decisions, n.relo)
			delete(got.decisions, n.relo)
		}
	}
	for _, k := range want.order {
		if diff := cmp.Diff(want.decisions[k], got.decisions[k]); diff != "" {
			t.Errorf("%s (target %s): %s: libbpf (-), ours (+):\n%s",
				filepath.Base(obj), filepath.Base(custom), k, diff)
		}
	}
	return want
}

// kernelBTF returns the BTF of the running kernel.
func kernelBTF(t testing.TB) *btf.Spec {
	t.Helper()
	testkit.VmlinuxBTF(t)
	raw, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		t.Fatal(err)
	}
	s, err := btf.Parse(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLibbpfKernel resolves all objects of the corpus against the running kernel.
func TestLibbpfKernel(t *testing.T) {
	oracle := testkit.LibbpfProgram(t, "testdata/relocs.c", testkit.WrapSyscall)
	kernel := kernelBTF(t)
	target := NewTarget(kernel, func() ([]*btf.Spec, error) { return nil, nil })
	var n tally
	for _, obj := range testkit.Corpus(t) {
		n.add(compareWithLibbpf(t, oracle, obj, "", target))
	}
	t.Log(n.String())
	if n.relos < 2000 {
		t.Errorf("only %d relocations compared", n.relos)
	}
}

// TestLibbpfSelftests resolves every core_reloc program of the kernel's selftests against every
// core_reloc target, not only those made for it.
func TestLibbpfSelftests(t *testing.T) {
	oracle := testkit.LibbpfProgram(t, "testdata/relocs.c", testkit.WrapSyscall)
	var programs, targets []string
	for _, obj := range testkit.Corpus(t, "selftests") {
		switch base := filepath.Base(obj); {
		case strings.HasPrefix(base, "btf__core_reloc_"):
			targets = append(targets, obj)
		case strings.HasPrefix(base, "test_core_"), strings.HasPrefix(base, "core_kern"):
			programs = append(programs, obj)
		}
	}
	if len(programs) < 15 || len(targets) < 60 {
		t.Fatalf("%d programs and %d targets", len(programs), len(targets))
	}
	var n tally
	for i, custom := range targets {
		if testing.Short() && i%6 != 0 {
			continue
		}
		target := NewTarget(readObject(t, custom).btf, nil)
		for _, obj := range programs {
			n.add(compareWithLibbpf(t, oracle, obj, custom, target))
		}
	}
	t.Logf("%d programs by %d targets: %s", len(programs), len(targets), n.String())
}

// TestLibbpfTwoObjects compares the objects of TestTwoObjects with libbpf's decisions.
func TestLibbpfTwoObjects(t *testing.T) {
	oracle := testkit.LibbpfProgram(t, "testdata/relocs.c", testkit.WrapSyscall)
	const program, kernel = "testdata/two_program.bpf.o", "testdata/two_kernel.bpf.o"
	if n := compareWithLibbpf(t, oracle, program, kernel,
		NewTarget(readObject(t, kernel).btf, nil)); len(n.order) != 70 {
		t.Errorf("%d relocations compared", len(n.order))
	}
}

// TestLibbpfForeign resolves the tools against the BTF of other objects, which have some of their
// types and lack most.
func TestLibbpfForeign(t *testing.T) {
	oracle := testkit.LibbpfProgram(t, "testdata/relocs.c", testkit.WrapSyscall)
	var n tally
	for _, name := range []string{"tools/opensnoop.bpf.o", "tools/tcptracer.bpf.o",
		"tools/bindsnoop.bpf.o", "selftests/bpf_cubic.bpf.o"} {
		custom := testkit.CorpusObject(t, name)
		target := NewTarget(readObject(t, custom).btf, nil)
		for _, obj := range testkit.Corpus(t, "tools", "xdp") {
			n.add(compareWithLibbpf(t, oracle, obj, custom, target))
		}
	}
	t.Log(n.String())
	if n.relos < 2000 {
		t.Errorf("only %d relocations compared", n.relos)
	}
}
