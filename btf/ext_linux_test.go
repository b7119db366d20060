package btf

import (
	"bufio"
	"bytes"
	"debug/elf"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func objectExt(t testing.TB, path string, s *Spec) *Ext {
	t.Helper()
	raw := section(t, path, ".BTF.ext")
	if raw == nil {
		return nil
	}
	x, err := ParseExt(raw, s)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return x
}

// relocNames has llvm-objdump's names for the kinds of CO-RE relocations, by number.
var relocNames = []string{
	"byte_off", "byte_sz", "field_exists", "signed", "lshift_u64", "rshift_u64", "local_type_id",
	"target_type_id", "type_exists",
	"type_size", "enumval_exists", "enumval_value", "type_matches",
}

var (
	objdumpSection = regexp.MustCompile(`^Disassembly of section (.*):$`)
	objdumpInsn    = regexp.MustCompile(`^ *([0-9]+):\t`)
	objdumpLine    = regexp.MustCompile(`^; (.*:[0-9]+)$`)
	objdumpReloc   = regexp.MustCompile(
		`^\t\t([0-9a-f]{16}):  CO-RE <([a-z0-9_]+)> \[([0-9]+)\] .*?(?:\(([0-9:]+)\)|::(\S+ = -?[0-9]+))?$`)
)

// The oracle is llvm-objdump, which has its own parser of .BTF.ext. It prints CO-RE relocations
// with kind, type id and access string or constant, and source lines wherever an instruction's line
// differs from the previous one.
func TestExtCorpus(t *testing.T) {
	t.Parallel()
	lines, relocs := 0, 0
	var folders []string // nil means all
	if testing.Short() {
		folders = []string{"tools"}
	}
	for _, path := range testkit.Spread(t, "objects", testkit.Corpus(t, folders...), 141) {
		s := objectSpec(t, path)
		if s == nil {
			continue
		}
		x := objectExt(t, path, s)
		if x == nil {
			continue
		}
		l, r := checkObjdump(t, path, s, x)
		lines += l
		relocs += r
	}
	if least := map[bool]int{false: 20000, true: 5000}[testing.Short()]; lines < least ||
		relocs < least/50 {
		t.Errorf("only %d source lines and %d relocations compared", lines, relocs)
	}
}

// checkObjdump compares one object and returns the numbers of lines and relocations.
func checkObjdump(t *testing.T, path string, s *Spec, x *Ext) (lines, relocs int) {
	t.Helper()
	file := path
	if section(t, path, ".debug_info") != nil { // objdump would prefer it
		file = filepath.Join(t.TempDir(), filepath.Base(path))
		testkit.Run(t, "llvm-strip-19", "-g", "-o", file, path)
	}
	// For a few corpus objects objdump complains about unknown instructions and exits with an error
	// after printing everything.
	var stdout bytes.Buffer
	cmd := exec.Command(testkit.Tool(t, "llvm-objdump-19"), "-d", "-l", "-r", "--no-show-raw-insn",
		file)
	cmd.Stdout = &stdout
	if err := cmd.Run(); err != nil && stdout.Len() == 0 {
		t.Fatalf("llvm-objdump %s: %v", file, err)
	}
	var wantRelocs []string
	var line *ExtSection
	shown, before := "", ""
	sec := ""
	scan := bufio.NewScanner(&stdout)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		text := scan.Text()
		if m := objdumpSection.FindStringSubmatch(text); m != nil {
			sec, line, before = m[1], nil, ""
			for i := range x.Line {
				if x.Line[i].Name == sec {
					line = &x.Line[i]
				}
			}
		} else if m := objdumpLine.FindStringSubmatch(text); m != nil {
			shown = m[1]
		} else if m := objdumpReloc.FindStringSubmatch(text); m != nil {
			off, _ := strconv.ParseUint(m[1], 16, 32)
			wantRelocs = append(wantRelocs,
				fmt.Sprintf("%s+%d %s [%s] %s", sec, off, m[2], m[3], m[4]+m[5]))
		} else if m := objdumpInsn.FindStringSubmatch(text); m != nil {
			insn, _ := strconv.ParseUint(m[1], 10, 32)
			at := lineAt(s, line, uint32(insn)*8)
			want := ""
			if at != before {
				want = at
			}
			before = at
			if shown != want {
				t.Errorf("%s: %s instruction %d: line %q, objdump has %q",
					testkit.CorpusName(path), sec, insn, want, shown)
				return
			}
			if shown != "" {
				lines++
			}
			shown = ""
		}
	}
	var gotRelocs []string
	for _, sec := range x.Core {
		for i := range sec.Count {
			r := sec.CoreRelo(i)
			access, _ := s.Name(r.AccessOff)
			switch name := relocNames[r.Kind]; {
			case strings.HasPrefix(name, "enumval"):
				i, _ := strconv.Atoi(access)
				e := s.Skip(r.Type).Enumerator(i)
				access = fmt.Sprintf("%s = %d", e.Name, e.Value)
			case access == "0" && strings.Contains(name, "type"):
				access = ""
			}
			gotRelocs = append(gotRelocs,
				fmt.Sprintf("%s+%d %s [%d] %s", sec.Name, r.InsnOff, relocNames[r.Kind], r.Type,
					access))
		}
	}
	slices.Sort(gotRelocs) // sections are in another order
	slices.Sort(wantRelocs)
	if got, want := strings.Join(gotRelocs, "\n"), strings.Join(wantRelocs, "\n"); got != want {
		t.Errorf("%s: relocations", testkit.CorpusName(path))
		firstDifference(t, []byte(got), []byte(want))
	}
	return lines, len(gotRelocs)
}

// lineAt returns "file:line" for an instruction with its own line information, else "".
func lineAt(s *Spec, sec *ExtSection, insnOff uint32) string {
	if sec == nil {
		return ""
	}
	i := sec.First(insnOff)
	if i == sec.Count || sec.InsnOff(i) != insnOff {
		return ""
	}
	l := sec.LineInfo(i)
	if l.Line() == 0 {
		return ""
	}
	file, _ := s.Name(l.FileNameOff)
	return fmt.Sprintf("%s:%d", file, l.Line())
}

// The oracle is the ELF symbol table: for every function start in func_info there is a function
// symbol of the same name.
func TestExtFuncInfo(t *testing.T) {
	n := 0
	for _, path := range testkit.Corpus(t) {
		s := objectSpec(t, path)
		if s == nil {
			continue
		}
		x := objectExt(t, path, s)
		if x == nil {
			continue
		}
		names := functionSymbols(t, path)
		for _, sec := range x.Func {
			for i := range sec.Count {
				f := sec.FuncInfo(i)
				typ, ok := s.Type(f.Type)
				if !ok || typ.Kind() != KindFunc {
					t.Errorf("%s: %s+%d: type [%d] is a %v", testkit.CorpusName(path), sec.Name,
						f.InsnOff, f.Type, typ.Kind())
					continue
				}
				n++
				if at := fmt.Sprintf("%s+%d", sec.Name, f.InsnOff); !strings.Contains(names[at],
					" "+typ.Name()+" ") {
					t.Errorf("%s: %s: func_info names %s, symbols are %q",
						testkit.CorpusName(path), at, typ.Name(), names[at])
				}
			}
		}
	}
	if n < 1800 {
		t.Errorf("only %d functions compared", n)
	}
}

// functionSymbols returns the names of function symbols by "section+offset", each between spaces.
func functionSymbols(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	syms, err := f.Symbols()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	names := map[string]string{}
	for _, sym := range syms {
		if elf.ST_TYPE(sym.Info) == elf.STT_FUNC && int(sym.Section) < len(f.Sections) {
			at := fmt.Sprintf("%s+%d", f.Sections[sym.Section].Name, sym.Value)
			names[at] += " " + sym.Name + " "
		}
	}
	return names
}
