//go:build linux

package kernel

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
)

// fakeRoot returns a view of a machine with the given files, by path.
func fakeRoot(t *testing.T, files map[string]string) *Facts {
	t.Helper()
	s := &shared{root: t.TempDir()}
	for name, text := range files {
		path := filepath.Join(s.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return view(s)
}

// The oracle is the file itself, parsed with package strings: every symbol, its address, type and
// module.
func TestKallsymsEveryLine(t *testing.T) {
	testkit.Root(t)
	before, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		testkit.Skip(t, "%v", err)
	}
	want := map[string]map[uint64]bool{}
	count := 0
	for line := range strings.Lines(string(before)) {
		f := strings.Fields(line)
		addr, err := strconv.ParseUint(f[0], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		if want[f[2]] == nil {
			want[f[2]] = map[uint64]bool{}
		}
		want[f[2]][addr] = true
		count++
	}
	got := 0
	err = EachSymbol("/proc/kallsyms", func(s facts.Symbol) error {
		got++
		if string(s.Module) == "bpf" {
			return nil // programs come and go
		}
		if !want[string(s.Name)][s.Addr] {
			t.Errorf("%x %c %s [%s] isn't in the file", s.Addr, s.Type, s.Name, s.Module)
		}
		return nil
	})
	if err != nil || got < count-1000 || got > count+1000 {
		t.Errorf("%d symbols of %d, %v", got, count, err)
	}

	// Every 50th name at once, and names that do not exist.
	var names []string
	i := 0
	for name := range want {
		if i++; i%50 == 0 && !strings.HasPrefix(name, "bpf_prog_") {
			names = append(names, name)
		}
	}
	names = append(names, "no_such_symbol", "", "bpf_prog_load", "bpf_prog_load")
	addrs, ambiguous, err := Running().Ksyms(names)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		addr, found := addrs[name]
		if found != (len(want[name]) > 0) || found && !want[name][addr] {
			t.Errorf("%s: %x, %v; the file has %v", name, addr, found, want[name])
		}
		if ambiguous[name] != (len(want[name]) > 1) {
			t.Errorf("%s: ambiguous %v, %d addresses", name, ambiguous[name], len(want[name]))
		}
	}
}

// The oracle is libbpf's reading of such lines (libbpf-behaviour 4.5: .llvm. suffixes of data
// symbols, two addresses, bad lines).
func TestKallsymsRules(t *testing.T) {
	f := fakeRoot(t, map[string]string{"proc/kallsyms": strings.Join([]string{
		"ffffffff81000000 T _text",
		"ffffffff81000010 t twice",
		"ffffffff81000020 t same",
		"ffffffff81000020 T same",
		"ffffffff81000030 d data.llvm.123456",
		"ffffffff81000040 t func.llvm.123456",
		"ffffffff81000050 t twice\t[mod]",
		"ffffffffc0000060 T exported\t[mod]",
		"0000000000000000 A zero",
		"12 t short",
		"ffffffff81000070 t " + strings.Repeat("x", 511),
		"",
	}, "\n")})
	names := []string{"_text", "twice", "same", "data", "func", "func.llvm.123456",
		"data.llvm.123456", "exported", "zero", "short", strings.Repeat("x", 511)}
	addrs, ambiguous, err := f.Ksyms(names)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint64{
		"_text": 0xffffffff81000000, "twice": 0xffffffff81000010, "same": 0xffffffff81000020,
		"data":             0xffffffff81000030,
		"func.llvm.123456": 0xffffffff81000040, "exported": 0xffffffffc0000060, "zero": 0,
		"short": 0x12, names[10]: 0xffffffff81000070,
	}
	for _, name := range names {
		got, ok := addrs[name]
		w, wantOK := want[name]
		if got != w || ok != wantOK {
			t.Errorf("%.20s: %x %v, want %x %v", name, got, ok, w, wantOK)
		}
	}
	if len(ambiguous) != 1 || !ambiguous["twice"] {
		t.Errorf("ambiguous: %v", ambiguous)
	}
}

func TestKallsymsBroken(t *testing.T) {
	for name, text := range map[string]string{
		"no address":  "ffffffff81000000 T a\nxyz T b\n",
		"no name":     "ffffffff81000000 T \n",
		"no type":     "ffffffff81000000\n",
		"too long":    strings.Repeat("a", 100<<10) + "\n",
		"cut short":   "ffffffff81000000 T a\nffffffff81000000 T b",
		"17 digits":   "fffffffff81000000 T a\n",
		"empty line":  "ffffffff81000000 T a\n\n",
		"binary dust": "\x00\x01\x02\n",
	} {
		if _, _, err := fakeRoot(t, map[string]string{"proc/kallsyms": text}).Ksyms(
			[]string{"zzz"}); err == nil {
			t.Errorf("%s: no error", name)
		} else if !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: the error doesn't say where: %v", name, err)
		}
	}
	if _, _, err := fakeRoot(t, nil).Ksyms([]string{"a"}); err == nil {
		t.Error("no file, no error")
	}
	if _, _, err := fakeRoot(t, nil).Ksyms(nil); err != nil {
		t.Errorf("no names: %v", err)
	}
}

// BenchmarkKallsyms scans a copy of this kernel's symbols for 20 names. It measures this package
// only, without the kernel's formatting of the file (BenchmarkKallsymsProc measures both).
func BenchmarkKallsyms(b *testing.B) {
	text, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		testkit.Skip(b, "%v", err)
	}
	path := filepath.Join(b.TempDir(), "proc", "kallsyms")
	os.MkdirAll(filepath.Dir(path), 0o755)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	benchmarkKsyms(b, view(&shared{root: filepath.Dir(filepath.Dir(path))}), text)
}

func BenchmarkKallsymsProc(b *testing.B) {
	text, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		testkit.Skip(b, "%v", err)
	}
	benchmarkKsyms(b, Running(), text)
}

func benchmarkKsyms(b *testing.B, f *Facts, text []byte) {
	lines := bytes.Split(text, []byte("\n"))
	var names []string
	for i := 1; i <= 20; i++ {
		names = append(names, string(bytes.Fields(lines[i*len(lines)/22])[2]))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := f.Ksyms(names); err != nil {
			b.Fatal(err)
		}
	}
}
