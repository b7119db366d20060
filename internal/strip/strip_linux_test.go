package strip

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

const source = `
struct value { unsigned long long n; };
struct { int (*type)[2]; int *key; struct value *value; int (*max_entries)[1]; }
	map __attribute__((section(".maps"), used));
static unsigned long long zero;
const char text[] = "text";
static __attribute__((noinline)) int other(int a) { return a + zero; }
static void *(*lookup)(void *, void *) = (void *)1;
__attribute__((section("socket"), used)) int program(void *ctx)
{
	int key = 0;
	struct value *v = lookup(&map, &key);
	return v ? v->n + other(text[key & 3]) : 0;
}
char terms[] __attribute__((section("license"), used)) = "GPL";
`

// described lists what an object holds besides debug information, as the standard library reads it.
func described(t *testing.T, raw []byte) string {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var text strings.Builder
	fmt.Fprintln(&text, f.FileHeader)
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	name := func(i elf.SectionIndex) string {
		if i > 0 && int(i) < len(f.Sections) {
			return f.Sections[i].Name
		}
		return i.String()
	}
	label := func(i uint32) string {
		s := symbols[i-1]
		return fmt.Sprintf("%q in %s value %d size %d info %d", s.Name, name(s.Section), s.Value,
			s.Size, s.Info)
	}
	for i := range symbols {
		fmt.Fprintln(&text, "symbol", label(uint32(i+1)))
	}
	for _, s := range f.Sections {
		if s.Type == elf.SHT_SYMTAB || s.Type == elf.SHT_STRTAB || s.Name == ".llvm_addrsig" {
			continue
		}
		fmt.Fprintln(&text, "section", s.Name, s.Type, s.Flags, s.Size, s.Addralign, s.Entsize)
		if s.Type == elf.SHT_NOBITS || s.Type == elf.SHT_NULL {
			continue
		}
		data, err := s.Data()
		if err != nil {
			t.Fatal(err)
		}
		if s.Type != elf.SHT_REL {
			fmt.Fprintf(&text, "%x\n", data)
			continue
		}
		fmt.Fprintln(&text, "of", name(elf.SectionIndex(s.Info)))
		for ; len(data) >= relSize; data = data[relSize:] {
			info := f.ByteOrder.Uint64(data[8:])
			fmt.Fprintln(&text, f.ByteOrder.Uint64(data), uint32(info), label(uint32(info>>32)))
		}
	}
	return text.String()
}

// TestDebug: the oracle is llvm-strip -g: the same sections, symbols and relocations, but for
// .llvm_addrsig, which it keeps with indices that are no longer true.
func TestDebug(t *testing.T) {
	for _, flags := range [][]string{nil, {"-target", "bpfeb"}, {"-gdwarf-4"}, {"-O0"}} {
		path := testkit.Compile(t, source, flags...)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sameAsStrip(t, path, raw)
		if testing.Short() {
			break
		}
	}
}

// TestDebugCorpus: the oracle is llvm-strip -g.
func TestDebugCorpus(t *testing.T) {
	paths := testkit.Corpus(t)
	n := testkit.Sample(t, "objects", len(paths), 16)
	for i := 0; i < len(paths); i += len(paths) / n {
		raw, err := os.ReadFile(paths[i])
		if err != nil {
			t.Fatal(err)
		}
		sameAsStrip(t, paths[i], raw)
	}
}

func sameAsStrip(t *testing.T, path string, raw []byte) {
	t.Helper()
	before := bytes.Clone(raw)
	got, err := Debug(raw)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	if !bytes.Equal(raw, before) {
		t.Errorf("%s: the input was changed", path)
	}
	stripped := filepath.Join(t.TempDir(), "stripped.o")
	testkit.Run(t, "llvm-strip-19", "-g", path, "-o", stripped)
	want, err := os.ReadFile(stripped)
	if err != nil {
		t.Fatal(err)
	}
	a, b := described(t, got), described(t, want)
	if a != b {
		x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
		for i := range min(len(x), len(y)) {
			if x[i] != y[i] {
				t.Errorf("%s: got\n%.300s\nllvm-strip has\n%.300s", path, x[i], y[i])
				break
			}
		}
	}
	if len(got) > len(want)+len(want)/8+256 {
		t.Errorf("%s: %d bytes, llvm-strip needs %d", path, len(got), len(want))
	}
	if _, err := object.Parse(got, "stripped"); err != nil {
		if _, before := object.Parse(raw, "stripped"); before == nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if again, err := Debug(got); err != nil || !bytes.Equal(again, got) {
		t.Errorf("%s: stripped again: %v", path, err)
	}
}

// FuzzDebug: no input makes Debug panic or return more than it got, but for tables of names.
func FuzzDebug(f *testing.F) {
	raw, err := os.ReadFile("../../testdata/link.bpf.o")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if out, err := Debug(raw); err == nil && len(out) > 16*len(raw)+1<<20 {
			t.Errorf("%d bytes became %d", len(raw), len(out))
		}
	})
}
