package inspect_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
)

// subprograms loads a program with two functions.
func subprograms(t testing.TB) *bpf.Program {
	t.Helper()
	testkit.Root(t)
	o, err := bpf.Open("../testdata/feature.bpf.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	const name = "for_each_map_elem"
	for _, p := range o.Programs {
		p.Autoload = p.Name == name
	}
	for _, m := range o.Maps {
		m.Autocreate = m.Name != "groups" && m.Name != "tails"
	}
	obj, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { obj.Close() })
	return obj.Program(name)
}

// TestCodeLines finds the lines of instructions and of addresses. The oracle is C libbpf's
// bpf_prog_linfo for the same program.
func TestCodeLines(t *testing.T) {
	testkit.Root(t)
	testkit.LittleEndian(t)
	p := subprograms(t)
	code, err := inspect.CodeOf(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(code.Functions) < 2 || len(code.Insns) == 0 || len(code.Lines) == 0 {
		t.Fatalf("%d functions, %d instructions, %d lines",
			len(code.Functions), len(code.Insns), len(code.Lines))
	}
	id := strconv.Itoa(int(bpftest.ProgramID(t, p)))
	out, err := exec.Command(testkit.LibbpfProgram(t, "testdata/linfo.c"), id).Output()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for text := range strings.Lines(string(out)) {
		var what string
		var at uint64
		if _, err := fmt.Sscan(text, &what, &at); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		counts[what]++
		var line inspect.Line
		if what == "insn" {
			line, err = code.LineAt(int(at))
		} else {
			line, err = code.LineAtAddress(at)
		}
		ours := fmt.Sprintf("%s %d %d %d\n", what, at, line.Line, line.Column)
		if errors.Is(err, bpf.ErrNotExist) {
			ours = fmt.Sprintf("%s %d none\n", what, at)
		}
		if ours != text {
			t.Errorf("%q, C libbpf %q", ours, text)
		}
	}
	if counts["insn"] != len(code.Insns) || len(code.Machine) > 0 && counts["addr"] < 10 {
		t.Errorf("compared %v with %d instructions", counts, len(code.Insns))
	}
	for _, none := range []func() (inspect.Line, error){
		func() (inspect.Line, error) { return code.LineAt(-1) },
		func() (inspect.Line, error) { return code.LineAtAddress(1) },
	} {
		if line, err := none(); !errors.Is(err, bpf.ErrNotExist) {
			t.Errorf("%v %v", line, err)
		}
	}
}

// TestCode compares instructions, machine code and names with bpftool's.
func TestCode(t *testing.T) {
	testkit.Root(t)
	p := subprograms(t)
	code, err := inspect.CodeOf(p)
	if err != nil {
		t.Fatal(err)
	}
	id := strconv.Itoa(int(bpftest.ProgramID(t, p)))
	var dump []struct {
		Proto string
		Src   string
		Disas string
	}
	if err := json.Unmarshal(testkit.Run(t, "bpftool", "-j", "prog", "dump", "xlated", "id", id,
		"linum"), &dump); err != nil {
		t.Fatal(err)
	}
	sources, functions := 0, 0
	for _, d := range dump {
		if d.Proto != "" {
			name := code.Functions[functions].Name
			if !strings.Contains(d.Proto, name+"(") || name == "" {
				t.Errorf("function %d is %q, bpftool: %q", functions, name, d.Proto)
			}
			functions++
		}
		if d.Src == "" {
			continue
		}
		if sources < len(code.Lines) && code.Lines[sources].Source != d.Src {
			t.Errorf("line %d is %q, bpftool: %q", sources, code.Lines[sources].Source, d.Src)
		}
		sources++
	}
	if functions != len(code.Functions) || sources == 0 {
		t.Errorf("%d functions, %d lines, bpftool: %d, %d", len(code.Functions), len(code.Lines),
			functions, sources)
	}
	symbols, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range code.Functions {
		symbol := fmt.Sprintf("%016x t bpf_prog_%x_%s\t[bpf]\n", f.Address, f.Tag, f.Name)
		if f.Address != 0 && !strings.Contains(string(symbols), symbol) {
			t.Errorf("not in kallsyms: %q", symbol)
		}
	}
	var shown struct {
		BytesXlated int `json:"bytes_xlated"`
		BytesJited  int `json:"bytes_jited"`
	}
	if err := json.Unmarshal(testkit.Run(t, "bpftool", "-j", "prog", "show", "id", id),
		&shown); err != nil {
		t.Fatal(err)
	}
	if shown.BytesXlated != len(code.Insns)*8 || shown.BytesJited != len(code.Machine) {
		t.Errorf("%d instructions, %d bytes; bpftool: %+v", len(code.Insns),
			len(code.Machine), shown)
	}
	if _, err := inspect.CodeOf(&bpf.Program{}); err == nil {
		t.Error("code of no program")
	}
}
