package exe_test

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/exe"
	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// function is a line of readelf's list of symbols.
type function struct {
	name, version string // version with its @ or @@
	weak          bool
	indirect      bool // IFUNC
	offset        uint64
}

// old reports whether a bare name does not mean the function.
func (f function) old() bool {
	return strings.HasPrefix(f.version, "@") && !strings.HasPrefix(f.version, "@@")
}

// readelf lists the functions that the tables of a file define, with versions as GNU readelf shows
// them, and offsets by the program headers as debug/elf reads them, without the symbol reader and
// the formula by section headers that are tested here.
func readelf(t *testing.T, file string) map[string][]function {
	t.Helper()
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	current, list := "", map[string][]function{}
	for line := range strings.Lines(
		string(testkit.Run(t, "readelf", "-W", "--dyn-syms", "-s", file))) {
		if after, ok := strings.CutPrefix(line, "Symbol table '"); ok {
			current, _, _ = strings.Cut(after, "'")
			continue
		}
		// Num: Value Size Type Bind Vis Ndx Name (version index)
		w := strings.Fields(line)
		if len(w) < 8 || w[3] != "FUNC" && w[3] != "IFUNC" || w[6] == "UND" {
			continue
		}
		s := function{indirect: w[3] == "IFUNC"}
		s.weak = w[4] == "WEAK"
		s.name = w[7]
		if at := strings.IndexByte(s.name, '@'); at >= 0 {
			s.name, s.version = s.name[:at], s.name[at:]
		}
		var address uint64
		for _, c := range w[1] {
			address = address<<4 | uint64(strings.IndexRune("0123456789abcdef", c))
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_LOAD && address >= p.Vaddr && address < p.Vaddr+p.Filesz {
				s.offset = address - p.Vaddr + p.Off
			}
		}
		if s.offset == 0 {
			t.Fatalf("%s: %q is in no segment", file, line)
		}
		list[current] = append(list[current], s)
	}
	return list
}

func open(t *testing.T, file string) *exe.File {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := exe.Read(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// files are programs and libraries of every Linux machine with a compiler.
var files = [...]string{"/bin/bash", "/lib/x86_64-linux-gnu/libc.so.6",
	"/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2",
	"/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/bin/gcc"}

// TestFunctions looks up every function of the system's programs and libraries, by name and by name
// and version. The oracle is readelf.
func TestFunctions(t *testing.T) {
	byName, byVersion, ambiguous, refused := 0, 0, 0, 0
	for i, file := range files {
		if testing.Short() && i >= 4 {
			break // the two with thousands of names
		}
		if _, err := os.Stat(file); err != nil {
			t.Logf("%v", err)
			continue
		}
		f := open(t, file)
		tables := readelf(t, file)
		symbols := tables[".dynsym"]
		groups := map[string][]function{}
		for _, s := range symbols {
			groups[s.name] = append(groups[s.name], s)
			if s.version == "" {
				continue
			}
			for _, at := range []string{"@", "@@"} {
				got, err := f.Function(s.name + at + strings.TrimLeft(s.version, "@"))
				if s.indirect {
					if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "IFUNC") {
						t.Errorf("%s: %s%s: %#x, %v", file, s.name, s.version, got, err)
					}
				} else if err != nil || got != s.offset {
					t.Fatalf("%s: %s%s: %#x, want %#x; %v", file, s.name, s.version, got, s.offset,
						err)
				}
			}
			byVersion++
		}
		var names []string
		var offsets []uint64
		for name, group := range groups {
			got, err := f.Function(name)
			var e *exe.AmbiguousError
			group = slices.DeleteFunc(group, function.old)
			if len(group) == 0 || group[0].indirect {
				words := "has only old versions"
				if len(group) > 0 {
					words = "IFUNC"
				}
				if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), words) {
					t.Errorf("%s: %s: %#x, want %q; %v", file, name, got, words, err)
				}
				refused++
				continue
			}
			want, several := choose(group)
			switch {
			case several && !errors.As(err, &e):
				t.Errorf("%s: %s is in several places, got %#x, %v", file, name, got, err)
			case several:
				ambiguous++
			case err != nil || got != want:
				t.Errorf("%s: %s: %#x, want %#x; %v", file, name, got, want, err)
			default:
				byName++
				names, offsets = append(names, name), append(offsets, want)
			}
		}
		if got, err := f.Functions(names); err != nil || !slices.Equal(got, offsets) {
			t.Errorf("%s: all names at once: %v", file, err)
		}
		for _, pattern := range []string{"*", "mem", "_Z"} {
			var want []uint64
			for _, table := range []string{".symtab", ".dynsym"} {
				if len(want) > 0 {
					break
				}
				for _, s := range tables[table] {
					if !s.indirect && (pattern == "*" || strings.HasPrefix(s.name, pattern)) {
						want = append(want, s.offset)
					}
				}
			}
			got, err := f.Match(func(name []byte) bool {
				return pattern == "*" || bytes.HasPrefix(name, []byte(pattern))
			})
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %d functions match %q, want %d; %v",
					file, len(got), pattern, len(want), err)
			}
		}
	}
	t.Logf("%d names, %d versions, %d ambiguous names, %d of no default function",
		byName, byVersion, ambiguous, refused)
	if byName < 1000 || byVersion < 1000 || refused < 10 {
		t.Errorf("only %d names and %d versions compared", byName, byVersion)
	}
}

// asker prints for each library and name in its input where dlsym finds it: its address in the
// file, or 0 if it is not there.
const asker = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv) {
	void *h = dlopen(argv[1], RTLD_NOW);
	struct link_map *m, *in;
	char name[4096];
	Dl_info info;
	if (!h || dlinfo(h, RTLD_DI_LINKMAP, &m))
		return puts(dlerror()), 1;
	while (scanf("%4095s", name) == 1) {
		void *p = dlsym(h, name);
		if (!p || !dladdr1(p, &info, (void **)&in, RTLD_DL_LINKMAP) || in != m)
			printf("%s 0\n", name);
		else
			printf("%s %lx\n", name, (unsigned long)p - m->l_addr);
	}
}
`

// TestDefaultVersion checks that a bare name means the function that dlsym finds. The oracle is the
// dynamic linker, for every function name that libraries define, including old versions and
// indirect functions.
func TestDefaultVersion(t *testing.T) {
	program := testkit.Native(t, asker, "-ldl")
	versioned := testkit.Native(t, library, "-shared", "-fPIC", "-nostdlib", "-Wl,-z,lazy",
		"-Wl,--unresolved-symbols=ignore-all",
		"-Dimported=inside", "-Wl,--version-script="+versions(t))
	for _, file := range append(slices.Clone(files[1:3]), versioned) {
		if _, err := os.Stat(file); err != nil {
			t.Logf("%v", err)
			continue
		}
		tables := readelf(t, file)
		indirect := map[string]bool{}
		var input strings.Builder
		for _, s := range tables[".dynsym"] {
			input.WriteString(s.name + "\n")
			indirect[s.name] = indirect[s.name] || s.indirect && !s.old()
		}
		cmd := exec.Command(program, file)
		cmd.Stdin = strings.NewReader(input.String())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", file, err, out)
		}
		image, err := elf.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer image.Close()
		f := open(t, file)
		found, none := 0, 0
		for line := range strings.Lines(string(out)) {
			var name string
			var address uint64
			if _, err := fmt.Sscanf(line, "%s %x", &name, &address); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			got, err := f.Function(name)
			if address == 0 || indirect[name] {
				none++
				if !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: %s: %#x, %v; dlsym finds %#x, indirect: %v",
						file, name, got, err, address, indirect[name])
				}
				continue
			}
			found++
			for _, p := range image.Progs {
				if p.Type == elf.PT_LOAD && address >= p.Vaddr && address < p.Vaddr+p.Filesz {
					address = address - p.Vaddr + p.Off
					break
				}
			}
			if err != nil || got != address {
				t.Errorf("%s: %s: %#x, %v; dlsym finds %#x", file, name, got, err, address)
			}
			for _, no := range []string{name + "@", name + "@@"} { // an empty version
				if got, err := f.Function(no); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: %s: %#x, %v", file, no, got, err)
				}
			}
			if all, err := f.Named(name); err != nil || len(all) != 1 || all[0] != address {
				t.Errorf("%s: all of %s: %#x, %v; dlsym finds %#x", file, name, all, err, address)
			}
		}
		t.Logf("%s: %d found, %d not", file, found, none)
		if found == 0 {
			t.Errorf("%s: nothing compared", file)
		}
	}
}

// choose returns which of the functions with one name is meant: the only one that is not weak, or
// the first of the weak ones.
func choose(group []function) (offset uint64, several bool) {
	strong := map[uint64]bool{}
	for _, s := range group {
		if !s.weak {
			strong[s.offset] = true
			offset = s.offset
		}
	}
	if len(strong) == 0 {
		return group[0].offset, false
	}
	return offset, len(strong) > 1
}

// library is compiled, stripped and unstripped, for 64 and 32 bits.
const library = `
#define NOINLINE __attribute__((noinline, noipa))
__asm__(".symver old, both@V1");
__asm__(".symver new, both@@V2");
__asm__(".symver ancient, gone@V1");
NOINLINE int ancient(void) { return 0; }
NOINLINE int old(void) { return 1; }
NOINLINE int new(void) { return 2; }
NOINLINE int plain(void) { return 3; }
__attribute__((weak)) NOINLINE int weak(void) { return 4; }
static NOINLINE __attribute__((used)) int inside(void) { return 5; }
int data = 6;
int imported(void);
int call(void) { return imported() + inside(); }
`

// versions writes the linker's version script of library.
func versions(t *testing.T) string {
	t.Helper()
	script := t.TempDir() + "/versions"
	text := "V1 { global: both; gone; };\nV2 { global: both; plain; weak; call; data; local: *; } V1;\n"
	if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return script
}

// TestTables checks which table is used, and the errors for missing functions, in libraries of 64
// and 32 bits. The oracle is readelf.
func TestTables(t *testing.T) {
	script := versions(t)
	for _, flags := range [][]string{nil, {"-s"}, {"-m32"}, {"-m32", "-s"}} {
		file := testkit.Native(t, library,
			append([]string{"-shared", "-fPIC", "-nostdlib", "-ffreestanding",
				"-Wl,--version-script=" + script}, flags...)...)
		f := open(t, file)
		stripped := slices.Contains(flags, "-s")
		where := map[string]uint64{}
		for _, symbols := range readelf(t, file) {
			for _, s := range symbols {
				where[s.name+s.version] = s.offset
			}
		}
		for name, symbol := range map[string]string{"plain": "plain@@V2", "weak": "weak@@V2",
			"both@V1": "both@V1", "both@@V2": "both@@V2", "both": "both@@V2",
			"plain@V2": "plain@@V2", "inside": "inside"} {
			got, err := f.Function(name)
			if name == "inside" && stripped {
				if !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%v: %s: %#x, %v", flags, name, got, err)
				}
				continue
			}
			if want, ok := where[symbol]; !ok || err != nil || got != want {
				t.Errorf("%v: %s: %#x, want %#x (%v); %v", flags, name, got, want, ok, err)
			}
		}
		for name, text := range map[string]string{"imported": "imported from a library",
			"data": "no function data in the file", "pla": "no function pla in",
			"plain2": "no function plain2", "both@V3": "both@V1",
			"gone": "has only old versions, hidden from programs linked today: name the version: gone@V1", "": "no function"} {
			if got, err := f.Function(name); !errors.Is(err, fs.ErrNotExist) ||
				!strings.Contains(err.Error(), text) {
				t.Errorf("%v: %q: %#x, %v", flags, name, got, err)
			}
		}
	}
}

// TestNoTables reads a program without any symbols, and one without section headers, made by strip
// and objcopy.
func TestNoTables(t *testing.T) {
	file := path.Join(t.TempDir(), "bare")
	program := testkit.Native(t, "int main(void) { return 0; }", "-static", "-s")
	raw, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, program)
	if _, err := f.Function("main"); !errors.Is(err, fs.ErrNotExist) ||
		!strings.Contains(err.Error(), "stripped") {
		t.Error(err)
	}
	copy(raw[40:], make([]byte, 8)) // e_shoff
	copy(raw[60:], make([]byte, 4)) // e_shnum, e_shstrndx
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	f = open(t, file)
	if len(f.Segments) == 0 || len(f.Sections) != 0 {
		t.Errorf("%d segments, %d sections", len(f.Segments), len(f.Sections))
	}
	if _, err := f.Function("main"); !errors.Is(err, fs.ErrNotExist) ||
		!strings.Contains(err.Error(), "stripped") {
		t.Error(err)
	}
}

// TestSoname uses the linker's option as oracle.
func TestSoname(t *testing.T) {
	script := versions(t)
	for _, flags := range [][]string{nil, {"-s"}, {"-m32"}} {
		flags = append(flags, "-shared", "-fPIC", "-nostdlib", "-ffreestanding",
			"-Wl,--version-script="+script)
		f := open(t, testkit.Native(t, library, append(flags, "-Wl,-soname,libcalled.so.3")...))
		if got := f.Soname(); got != "libcalled.so.3" {
			t.Errorf("%v: %q", flags, got)
		}
		if got := open(t, testkit.Native(t, library, flags...)).Soname(); got != "" {
			t.Errorf("%v: %q, though none is given", flags, got)
		}
	}
}
