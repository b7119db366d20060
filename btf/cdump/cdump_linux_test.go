package cdump

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/testkit"
)

// Where Debian's bpftool 7.1 and we differ: the macros for kfuncs, their prototypes, and the
// attribute that makes an enum one byte long, which 7.1 doesn't write.
var (
	macros   = regexp.MustCompile(`(?s)#ifndef __ksym\n.*?#endif\n#endif\n\n`)
	kfuncs   = regexp.MustCompile(`(?s)/\* BPF kfunc prototypes \*/.*?#endif\n\n`)
	byteEnum = regexp.MustCompile(`(?m)^(\t*\}) __attribute__\(\(mode\(byte\)\)\)`)
)

func header(t testing.TB, spec *btf.Spec, opts *Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := Header(&out, spec, opts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func as71(text string) string {
	text = macros.ReplaceAllString(text, "")
	text = kfuncs.ReplaceAllString(text, "")
	return byteEnum.ReplaceAllString(text, "$1")
}

func parse(t testing.TB, raw []byte) *btf.Spec {
	t.Helper()
	spec, err := btf.Parse(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func vmlinux(t testing.TB) *btf.Spec {
	t.Helper()
	testkit.VmlinuxBTF(t)
	raw, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, raw)
}

// objectBTF returns the .BTF section of an object, nil if it has none.
func objectBTF(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf64.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	section := f.SectionByName(".BTF")
	if section == nil {
		return nil
	}
	data, err := f.Data(section)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Oracle: Debian's bpftool, byte for byte.
func TestVmlinuxLikeBpftool(t *testing.T) {
	const path = "/sys/kernel/btf/vmlinux"
	ours := as71(header(t, vmlinux(t), &Options{Unsorted: true}))
	theirs := string(testkit.Run(t, "bpftool", "btf", "dump", "file", path, "format", "c"))
	sameText(t, ours, theirs)
}

// TestKernelsLikeBpftool compares the kernels that run in virtual machines. Oracle: Debian's
// bpftool.
func TestKernelsLikeBpftool(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(testkit.Cache(), "kernels", "*", "vmlinux-*.btf"))
	if err != nil || len(paths) == 0 {
		testkit.Skip(t, "no kernels from scripts/getkernel.sh: %v", err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		spec := parse(t, raw)
		ours := as71(header(t, spec, &Options{Unsorted: true}))
		sameText(t, ours, string(testkit.Run(t, "bpftool", "btf", "dump", "file", path, "format",
			"c")))
		sameKfuncs(t, path, header(t, spec, nil))
	}
}

// TestKfuncs: the oracle is bpftool's list of types, which has the tags of kfuncs.
func TestKfuncs(t *testing.T) {
	sameKfuncs(t, "/sys/kernel/btf/vmlinux", header(t, vmlinux(t), nil))
}

var (
	kfuncTag   = regexp.MustCompile(`DECL_TAG 'bpf_kfunc' type_id=(\d+) component_idx=-1`)
	function   = regexp.MustCompile(`(?m)^\[(\d+)\] FUNC '(\w+)'`)
	attribute  = regexp.MustCompile(` ?__attribute__\(\([^()]*(\([^()]*\))?\)\)`)
	kfuncProto = regexp.MustCompile(`(?m)^extern .*?\b(\w+)\(.*\) __weak __ksym;$`)
)

func sameKfuncs(t *testing.T, path, text string) {
	t.Helper()
	raw := string(testkit.Run(t, "bpftool", "btf", "dump", "file", path))
	names := map[string]string{}
	for _, m := range function.FindAllStringSubmatch(raw, -1) {
		names[m[1]] = m[2]
	}
	var want, got []string
	for _, m := range kfuncTag.FindAllStringSubmatch(raw, -1) {
		want = append(want, names[m[1]])
	}
	text = attribute.ReplaceAllString(text, "")
	for _, m := range kfuncProto.FindAllStringSubmatch(text, -1) {
		got = append(got, m[1])
	}
	if !slices.IsSorted(got) {
		t.Errorf("%s: kfuncs are not in order", path)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: kfuncs\n%q, bpftool shows tags of\n%q", path, got, want)
	}
}

// deepest nests structs 14 deep, where C libbpf stops to indent and we don't.
const deepest = "selftests/btf__core_reloc_nesting___err_too_deep.bpf.o"

// Oracle: Debian's bpftool, byte for byte, over the objects of the corpus.
func TestCorpusLikeBpftool(t *testing.T) {
	paths := testkit.Corpus(t)
	step := len(paths) / testkit.Sample(t, "objects", len(paths), len(paths)/8)
	for i := 0; i < len(paths); i += step {
		name := testkit.CorpusName(paths[i])
		raw := objectBTF(t, paths[i])
		if raw == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			ours := as71(header(t, parse(t, raw), &Options{Unsorted: true}))
			theirs := string(testkit.Run(t, "bpftool", "btf", "dump", "file", paths[i], "format",
				"c"))
			if name == deepest {
				ours = strings.ReplaceAll(ours, "\t", "")
				theirs = strings.ReplaceAll(theirs, "\t", "")
			}
			sameText(t, ours, theirs)
		})
	}
}

func sameText(t *testing.T, ours, theirs string) {
	t.Helper()
	a, b := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("line %d: %q, bpftool has %q", i+1, a[i], b[i])
		}
	}
	if len(a) != len(b) {
		t.Fatalf("%d lines, bpftool has %d", len(a), len(b))
	}
}

// Where bpftool 7.5 and a sorted header differ, besides the lost type that [sortedBpftool] gives
// it: it doesn't know which kfuncs keep registers, nor that address spaces are attributes; it
// writes kfuncs in the order of their tags, and their block even if there are none.
var (
	fastcall     = regexp.MustCompile(`(?s)#ifndef __bpf_fastcall\n.*?#endif\n#endif\n\n`)
	kfuncs75     = regexp.MustCompile(`(?s)\n/\* BPF kfuncs \*/.*?#endif\n\n`)
	addressSpace = regexp.MustCompile(`btf_type_tag\("(address_space\(\d+\))"\)`)
)

// sortedBpftool returns the sorted C declarations of the BTF in a file by bpftool 7.5, without
// kfuncs, and the kfuncs. It gets an enum more, which sorts before all others: the type that sorts
// first is the one that it forgets.
func sortedBpftool(t *testing.T, path string, spec *btf.Spec) (types string, kfuncs []string) {
	t.Helper()
	b := btf.NewBuilder(spec)
	b.AddEnum("", 4, false)
	b.AddEnumerator("!", 1)
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	split := filepath.Join(t.TempDir(), "split.btf")
	if err := os.WriteFile(split, b.BytesOrder(spec.Order()), 0o644); err != nil {
		t.Fatal(err)
	}
	text := string(testkit.Run(t, testkit.Bpftool75(t), "-B", path, "btf", "dump", "file", split,
		"format", "c"))
	return kfuncs75.ReplaceAllString(text, ""),
		kfuncLines(addressSpace.ReplaceAllString(kfuncs75.FindString(text), "$1"))
}

func kfuncLines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "extern ") {
			lines = append(lines, strings.ReplaceAll(line, "__bpf_fastcall ", ""))
		}
	}
	slices.Sort(lines)
	return lines
}

// sameSorted compares a sorted header of the BTF in a file with bpftool 7.5's, byte for byte.
func sameSorted(t *testing.T, path string, spec *btf.Spec) {
	t.Helper()
	whole := header(t, spec, nil)
	ours := kfuncs.ReplaceAllString(fastcall.ReplaceAllString(whole, ""), "")
	theirs, protos := sortedBpftool(t, path, spec)
	if testkit.CorpusName(path) == deepest {
		ours = strings.ReplaceAll(ours, "\t", "")
		theirs = strings.ReplaceAll(theirs, "\t", "")
	}
	sameText(t, ours, theirs)
	if got := kfuncLines(kfuncs.FindString(whole)); !slices.Equal(got, protos) {
		t.Errorf("kfuncs\n%q, bpftool has\n%q", got, protos)
	}
}

// TestSorted compares sorted headers of the running kernel, of those that run in virtual machines
// and of objects of the corpus. Oracle: bpftool 7.5, which sorts, byte for byte.
func TestSorted(t *testing.T) {
	testkit.Bpftool75(t)
	t.Run("vmlinux", func(t *testing.T) {
		sameSorted(t, "/sys/kernel/btf/vmlinux", vmlinux(t))
	})
	kernels, err := filepath.Glob(filepath.Join(testkit.Cache(), "kernels", "*", "vmlinux-*.btf"))
	if err != nil {
		t.Fatal(err)
	}
	corpus := testkit.Corpus(t)
	paths := append(testkit.Spread(t, "kernels", kernels, 1),
		testkit.Spread(t, "objects", corpus, len(corpus)/16)...)
	for _, path := range paths {
		t.Run(testkit.CorpusName(path), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(path) == ".o" {
				if raw = objectBTF(t, path); raw == nil {
					return
				}
			}
			sameSorted(t, path, parse(t, raw))
		})
	}
}

// compile compiles a header for BPF, with a variable of every step-th type, and returns the BTF of
// those types and what they need.
func compile(t testing.TB, spec *btf.Spec, step btf.ID) (*Dumper, *btf.Spec) {
	t.Helper()
	var text bytes.Buffer
	d := NewDumper(&text, spec)
	for id := btf.ID(1); id < spec.Len(); id++ {
		if err := d.Type(id); err != nil {
			t.Fatal(err)
		}
	}
	for id := btf.ID(1); id < spec.Len(); id += step {
		t, _ := spec.Type(id)
		name := identifier(t.Name())
		switch k := t.Kind(); {
		case name == "" || name == vaList:
		case k.IsComposite(), k.IsEnum() && t.Vlen() > 0:
			d.tag(t)
			fmt.Fprintf(sink{d}, " *variable_%d;\n", id)
		case k == btf.KindTypedef:
			fmt.Fprintf(sink{d}, "%s *variable_%d;\n", d.identOf(t), id)
		}
	}
	if err := d.Flush(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	source, object := filepath.Join(dir, "types.c"), filepath.Join(dir, "types.o")
	if err := os.WriteFile(source, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	clang := exec.Command(testkit.Tool(t, "clang-19"), "-target", "bpf", "-g", "-O2", "-c", "-w",
		"-fms-extensions", "-o", object, source)
	if out, err := clang.CombinedOutput(); err != nil {
		lines := bytes.SplitN(out, []byte("\n"), 12)
		t.Fatalf("clang: %v\n%s", err, bytes.Join(lines[:min(len(lines), 11)], []byte("\n")))
	}
	return d, parse(t, objectBTF(t, object))
}

type sink struct{ d *Dumper }

func (s sink) Write(p []byte) (int, error) { s.d.out = append(s.d.out, p...); return len(p), nil }

// sameLayouts compares what clang made of each named struct, union and enum with the original.
func sameLayouts(t *testing.T, d *Dumper, again *btf.Spec, step btf.ID) (compared int) {
	t.Helper()
	byName := map[string]btf.Type{}
	for id := btf.ID(1); id < again.Len(); id++ {
		a, _ := again.Type(id)
		if a.NameOff() != 0 && (a.Kind().IsComposite() || a.Kind().IsEnum() && a.Vlen() > 0) {
			byName[a.Name()] = a
		}
	}
	for id := btf.ID(1); id < d.spec.Len(); id++ {
		o, _ := d.spec.Type(id)
		if o.NameOff() == 0 || !o.Kind().IsComposite() && !(o.Kind().IsEnum() && o.Vlen() > 0) {
			continue
		}
		name := d.nameOf(o, d.tags)
		a, ok := byName[name]
		if !ok {
			if step == 1 {
				t.Errorf("%v %s is not in the BTF of its C declaration", o.Kind(), name)
			}
			continue
		}
		compared++
		if name == "warn_args" { // has a va_list, which differs between machines
			continue
		}
		if a.Size() != o.Size() {
			t.Errorf("%v %s has %d bytes, the original %d", o.Kind(), name, a.Size(), o.Size())
		}
		if !o.Kind().IsComposite() {
			continue
		}
		if got, want := members(again, a), members(d.spec, o); got != want {
			t.Errorf("%v %s:\ngot  %s\nwant %s", o.Kind(), name, got, want)
		}
	}
	return compared
}

// members lists the named members of a type with offsets and sizes, those of anonymous ones too.
func members(spec *btf.Spec, t btf.Type) string {
	var list strings.Builder
	var walk func(t btf.Type, at uint32, depth int)
	walk = func(t btf.Type, at uint32, depth int) {
		for i := range t.Vlen() {
			m := t.Member(i)
			if m.Name != "" {
				size, _ := spec.SizeOf(m.Type)
				if m.BitSize != 0 {
					size = 0
				}
				fmt.Fprintf(&list, "%s@%d:%d/%d ", m.Name, at+m.BitOffset, m.BitSize, size)
			} else if inner := spec.Skip(m.Type); inner.Kind().IsComposite() && depth < 40 {
				walk(inner, at+m.BitOffset, depth+1)
			}
		}
	}
	walk(t, 0, 0)
	return list.String()
}

// Oracle: clang, which compiles the header; its BTF has every size and offset of the original.
func TestRoundTripVmlinux(t *testing.T) {
	spec := vmlinux(t)
	total := int(spec.Len())
	step := btf.ID(total / testkit.Sample(t, "types", total, total/128)) // a minute for all
	d, again := compile(t, spec, step)
	if n := sameLayouts(t, d, again, step); n < 200 {
		t.Errorf("only %d types compared", n)
	}
}

// onlyScalars reports whether clang would write no BTF for the types of spec.
func onlyScalars(spec *btf.Spec) bool {
	for id := range spec.Len() {
		t, _ := spec.Type(id)
		k := t.Kind()
		if t.NameOff() != 0 && (k.IsComposite() || k.IsEnum() || k == btf.KindTypedef) {
			return false
		}
	}
	return true
}

// Oracle: clang, as for vmlinux.
func TestRoundTripCorpus(t *testing.T) {
	paths := testkit.Corpus(t)
	step := len(paths) / testkit.Sample(t, "objects", len(paths), len(paths)/40)
	for i := 0; i < len(paths); i += step {
		name := testkit.CorpusName(paths[i])
		raw := objectBTF(t, paths[i])
		if raw == nil || onlyScalars(parse(t, raw)) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			d, again := compile(t, parse(t, raw), 1)
			sameLayouts(t, d, again, 1)
		})
	}
}

func BenchmarkHeader(b *testing.B) {
	spec := vmlinux(b)
	for _, bench := range []struct {
		name     string
		unsorted bool
	}{{"unsorted", true}, {"sorted", false}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Header(discard{}, spec, &Options{Unsorted: bench.unsorted}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// TestDecl writes declarations of members. The oracle is the source that clang compiled,
// but for blanks.
func TestDecl(t *testing.T) {
	members := []string{"int plain", "const char *text", "unsigned long grid[2][3]",
		"void (*call)(int, const char *)", "int *(*table[4])(void)", "struct node *next",
		"volatile int *const fixed", "_Bool (*row)[8]"}
	path := testkit.Compile(t, "struct node { "+strings.Join(members, "; ")+"; } node;\n")
	spec, err := btf.Parse(objectBTF(t, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	id, ok := spec.FindByName("node", btf.KindStruct)
	if !ok {
		t.Fatal("no struct node")
	}
	node, _ := spec.Type(id)
	for i, want := range members {
		var out bytes.Buffer
		d := NewDumper(&out, spec)
		m := node.Member(i)
		if err := errors.Join(d.Decl(m.Type, m.Name, 0), d.Flush()); err != nil ||
			strings.ReplaceAll(out.String(), "* ", "*") != want {
			t.Errorf("%q, not %q: %v", out.String(), want, err)
		}
	}
}
