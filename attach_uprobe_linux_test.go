package bpf

import (
	"archive/zip"
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// userHit is struct hit of testdata/uprobe.bpf.c.
type userHit struct{ Count, Cookie, IP, Cookies uint64 }

// uprobes skips on a kernel that was built without uprobes.
func uprobes(t testing.TB) {
	t.Helper()
	testkit.Root(t)
	if !configured(t, "CONFIG_UPROBE_EVENTS") {
		testkit.Skip(t, "the kernel was built without CONFIG_UPROBE_EVENTS")
	}
}

// uprobeObject loads the named programs of testdata/uprobe.bpf.o, which count what process pid does.
func uprobeObject(t testing.TB, pid int, names ...string) *Object {
	t.Helper()
	uprobes(t)
	obj := load(t, only(open(t, "uprobe"), names...), nil)
	if err := obj.Variable("only_pid").Set(uint32(pid)); err != nil {
		t.Fatal(err)
	}
	return obj
}

func userHitOf(t testing.TB, obj *Object, program string) *userHit {
	t.Helper()
	h, err := VarOf[userHit](obj.Variable(program + "_hit"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// victim is a running program of ours that does everything once for each line that it is sent.
type victim struct {
	path string
	pid  int
	in   io.Writer
	out  *bufio.Reader
}

// startVictim runs a program; it is killed when the test ends.
func startVictim(t testing.TB, path string, args ...string) *victim {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	v := &victim{path: path, pid: cmd.Process.Pid, in: in, out: bufio.NewReader(out)}
	if line := v.line(t); !strings.HasPrefix(line, "ready") {
		t.Fatalf("%s says %q", path, line)
	}
	return v
}

func (v *victim) line(t testing.TB) string {
	t.Helper()
	line, err := v.out.ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", v.path, err)
	}
	return strings.TrimSpace(line)
}

// run makes the program do everything n times; it returns what the program says of its counters.
func (v *victim) run(t testing.TB, n int) (guarded, counted int) {
	t.Helper()
	for range n {
		if _, err := io.WriteString(v.in, "\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(v.line(t), "done %d %d", &guarded, &counted); err != nil {
			t.Fatal(err)
		}
	}
	return guarded, counted
}

// source reads a C file of testdata.
func source(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// target compiles testdata/target.c for this machine. Machines without shared libraries or a compiler can run it too.
func target(t testing.TB) string {
	t.Helper()
	if runtime.GOARCH == "amd64" {
		return testkit.Native(t, source(t, "target.c"), "-static")
	}
	return foreignTarget(t, runtime.GOARCH)
}

// foreignTarget compiles testdata/target.c for another machine.
func foreignTarget(t testing.TB, arch string) string {
	t.Helper()
	const include = "#include \"freestanding.h\"\n"
	text := source(t, "target.c")
	if !strings.Contains(text, include) {
		t.Fatalf("target.c has no %q", include)
	}
	return testkit.Foreign(t, arch, strings.Replace(text, include, source(t, "freestanding.h"), 1))
}

// symbolOffset says where in a file a symbol is, as package debug/elf reads it: its address, by the program headers.
func symbolOffset(t testing.TB, path, name string) uint64 {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if errors.Is(err, elf.ErrNoSymbols) {
		symbols, err = f.DynamicSymbols()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name != name || s.Section == elf.SHN_UNDEF {
			continue
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_LOAD && s.Value >= p.Vaddr && s.Value < p.Vaddr+p.Filesz {
				return s.Value - p.Vaddr + p.Off
			}
		}
	}
	t.Fatalf("%s has no symbol %s", path, name)
	return 0
}

// TestUprobe attaches to functions of a C program by name, offset and return, and in every mode. The oracle is how often the program
// calls them: add_numbers twice for each line, once by way of add_more.
func TestUprobe(t *testing.T) {
	v := startVictim(t, target(t))
	obj := uprobeObject(t, v.pid, "entry", "leave", "sleepy")
	at := symbolOffset(t, v.path, "add_numbers")
	for _, c := range []struct {
		name, program, symbol string
		o                     UprobeOptions
		want, cookie          uint64
	}{
		{"by name", "entry", "add_numbers", UprobeOptions{Cookie: 7}, 2, 7},
		{"once", "entry", "add_more", UprobeOptions{}, 1, 0},
		{"of the symbol table", "entry", "add_hidden", UprobeOptions{}, 1, 0},
		{"weak", "entry", "add_weak", UprobeOptions{}, 1, 0},
		{"by offset", "entry", "", UprobeOptions{Offset: at}, 2, 0},
		{"return", "leave", "add_numbers", UprobeOptions{Return: true, Cookie: 1 << 63}, 2, 1 << 63},
		{"sleepable", "sleepy", "add_numbers", UprobeOptions{}, 2, 0},
		{"this process", "entry", "add_numbers", UprobeOptions{PID: v.pid}, 2, 0},
		{"another process", "entry", "add_numbers", UprobeOptions{PID: os.Getpid()}, 0, 0},
		{"link", "entry", "add_numbers", UprobeOptions{Mode: ProbeLink, Cookie: 8}, 2, 8},
		{"perf", "entry", "add_numbers", UprobeOptions{Mode: ProbePerf}, 2, 0},
		{"legacy", "entry", "add_numbers", UprobeOptions{Mode: ProbeLegacy}, 2, 0},
		{"legacy return", "leave", "add_numbers", UprobeOptions{Mode: ProbeLegacy, Return: true}, 2, 0},
		{"legacy, this process", "entry", "add_numbers", UprobeOptions{Mode: ProbeLegacy, PID: v.pid}, 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := userHitOf(t, obj, c.program)
			*h = userHit{}
			l, err := obj.Program(c.program).AttachUprobe(v.path, c.symbol, &c.o)
			if err != nil {
				t.Fatal(err)
			}
			v.run(t, 3)
			if h.Count != 3*c.want || c.want > 0 && h.Cookie != c.cookie {
				t.Errorf("ran %d times with cookie %#x, want %d and %#x", h.Count, h.Cookie, 3*c.want, c.cookie)
			}
			closeLink(t, l)
			*h = userHit{}
			v.run(t, 1)
			if h.Count != 0 {
				t.Error("it runs after it was detached")
			}
		})
	}
	if left, err := LegacyEvents(); err != nil || len(left) > 0 {
		t.Errorf("events left in tracefs: %v, %v", left, err)
	}
	text, err := os.ReadFile(testkit.Tracefs(t) + "/uprobe_events")
	if err != nil || strings.Contains(string(text), fmt.Sprintf("purebpf_%d_", os.Getpid())) {
		t.Errorf("uprobe_events: %v\n%s", err, text)
	}
}

// TestUprobeOffset attaches to the second instruction of a function. The oracle is the address that the program sees, which is where the
// file is linked to; kernels before 6.7 don't tell it.
func TestUprobeOffset(t *testing.T) {
	v := startVictim(t, target(t))
	obj := uprobeObject(t, v.pid, "entry")
	h := userHitOf(t, obj, "entry")
	var ip [2]uint64
	// add_hidden starts with a nop.
	size := map[string]uint64{"amd64": 1, "arm64": 4, "s390x": 2, "riscv64": 2}[runtime.GOARCH]
	for i := range ip {
		offset := uint64(i) * size
		l, err := obj.Program("entry").AttachUprobe(v.path, "add_hidden", &UprobeOptions{Offset: offset})
		if err != nil {
			t.Fatal(err)
		}
		*h = userHit{}
		if v.run(t, 1); h.Count != 1 {
			t.Errorf("offset %d: ran %d times", offset, h.Count)
		}
		ip[i] = h.IP
		closeLink(t, l)
	}
	if old := ip == [2]uint64{}; old {
		if release := testkit.KernelRelease(); !strings.HasPrefix(release, "6.1.") {
			t.Errorf("kernel %s doesn't tell the address", release)
		}
	} else if ip[1] != ip[0]+size {
		t.Errorf("it ran at %#x", ip)
	}
}

// TestUprobeCounter has the kernel raise a counter in the program while a probe is there. The oracle is what the program reads of it.
func TestUprobeCounter(t *testing.T) {
	v := startVictim(t, target(t))
	obj := uprobeObject(t, v.pid, "entry")
	counter := symbolOffset(t, v.path, "counted_here")
	for _, mode := range []ProbeMode{ProbeDefault, ProbeLegacy} {
		if _, n := v.run(t, 1); n != 0 {
			t.Fatalf("the counter is %d before", n)
		}
		l, err := obj.Program("entry").AttachUprobe(v.path, "add_numbers", &UprobeOptions{RefCtrOffset: counter, Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		if _, n := v.run(t, 1); n != 1 {
			t.Errorf("mode %v: the counter is %d", mode, n)
		}
		closeLink(t, l)
		if _, n := v.run(t, 1); n != 0 {
			t.Errorf("mode %v: the counter is %d afterwards", mode, n)
		}
	}
}

// lonely is a function for Go's own binary to be attached to.
//
//go:noinline
func lonely(n int) int { return n * 3 }

// TestUprobeGo attaches to a function of this very test binary. The oracle is how often it is called.
func TestUprobeGo(t *testing.T) {
	obj := uprobeObject(t, os.Getpid(), "entry")
	h := userHitOf(t, obj, "entry")
	const symbol = "github.com/purebpf/bpf.lonely"
	l, err := obj.Program("entry").AttachUprobe("/proc/self/exe", symbol, &UprobeOptions{PID: os.Getpid()})
	if err != nil && errors.Is(err, ErrNotExist) { // linked without symbols (-s), as for test machines
		f := runtime.FuncForPC(reflect.ValueOf(lonely).Pointer())
		l, err = obj.Program("entry").AttachUprobe("/proc/self/exe", "", &UprobeOptions{Offset: codeOffset(t, uint64(f.Entry()))})
	}
	if err != nil {
		t.Fatal(err)
	}
	defer closeLink(t, l)
	for i := range 5 {
		if got := lonely(i); got != 3*i {
			t.Errorf("lonely(%d) = %d", i, got)
		}
	}
	if h.Count != 5 {
		t.Errorf("5 calls, ran %d times", h.Count)
	}
}

// codeOffset says where in this program's file an address is.
func codeOffset(t testing.TB, address uint64) uint64 {
	t.Helper()
	f, err := elf.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && address >= p.Vaddr && address < p.Vaddr+p.Filesz {
			return address - p.Vaddr + p.Off
		}
	}
	t.Fatalf("%#x is nowhere in this program", address)
	return 0
}

// libc is a test's precondition: the C library as a shared one, which test machines don't have.
func libc(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		testkit.Skip(t, "no shared libraries here: %v", err)
	}
}

// caller loads a library and calls its run_all for each line, and getpgid from the C library.
const caller = `
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	char line[64];
	int (*run_all)(void) = NULL;
	void *lib = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;

	if (argc > 1 && (!lib || !(run_all = dlsym(lib, "run_all"))))
		return fprintf(stderr, "%s\n", dlerror()), 1;
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("ready\n");
	while (fgets(line, sizeof(line), stdin)) {
		getpgid(0);
		printf("done %d 0\n", run_all ? run_all() : 0);
	}
	return 0;
}
`

// TestUprobeLibraryAuto attaches by section to a function of the C library, which is found by its name. The oracle is how often the
// program calls it.
func TestUprobeLibraryAuto(t *testing.T) {
	libc(t)
	v := startVictim(t, testkit.Native(t, caller, "-ldl"))
	want := []string{"auto_entry", "auto_leave", "auto_offset"}
	multi := []string{"auto_many", "auto_many_leave", "auto_session"}
	bare := []string{"entry", "leave", "sleepy", "many", "many_leave", "session"}
	obj := uprobeObject(t, v.pid, append(append(want, multi...), bare...)...)
	links, err := obj.Attach()
	if err != nil {
		t.Fatal(err)
	}
	if len(links) != 6 || len(obj.NotAttached()) < len(bare) {
		t.Errorf("attached %v, not attached %v", links, obj.NotAttached())
	}
	v.run(t, 3)
	for name, n := range map[string]uint64{"auto_entry": 3, "auto_leave": 3, "auto_offset": 3, "auto_many": 3, "auto_many_leave": 3, "auto_session": 6} {
		if h := userHitOf(t, obj, name); h.Count != n {
			t.Errorf("%s ran %d times, want %d", name, h.Count, n)
		}
	}
	if err := links.Close(); err != nil {
		t.Error(err)
	}
}

// TestUprobeAutoErrors: sections that say too little or too much.
func TestUprobeAutoErrors(t *testing.T) {
	for name, want := range map[string]string{"no_function": "path:function", "leave_offset": "no offset", "no_pattern": "path:function"} {
		obj := uprobeObject(t, 0, name)
		if _, err := obj.Attach(); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// library compiles testdata/library.c, stripped of its symbol table or not.
func library(t testing.TB, flags ...string) string {
	t.Helper()
	libc(t)
	script := filepath.Join(t.TempDir(), "versions")
	if err := os.WriteFile(script, []byte("LIB_1.0 { global: versioned; };\nLIB_2.0 { global: versioned; plain*; picked; run_all; local: *; } LIB_1.0;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "libvictim.so")
	cmd := exec.Command(testkit.Tool(t, "gcc"), append([]string{"-g", "-O2", "-shared", "-fPIC", "-Wl,--version-script=" + script, "testdata/library.c", "-o", path}, flags...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return path
}

// TestUprobeVersions attaches to versions of a function, in a library with and without its symbol table. The oracle is readelf's view of
// the library, that run_all calls each function once, and the linker's rules of what a version is.
func TestUprobeVersions(t *testing.T) {
	for _, flags := range [][]string{nil, {"-s"}} {
		lib := library(t, flags...)
		v := startVictim(t, testkit.Native(t, caller, "-ldl"), lib)
		obj := uprobeObject(t, v.pid, "entry")
		h := userHitOf(t, obj, "entry")
		for _, symbol := range []string{"versioned@LIB_1.0", "versioned@@LIB_2.0", "versioned@LIB_2.0", "plain", "plain_alias", "plain@@LIB_2.0", "plain_weak"} {
			l, err := obj.Program("entry").AttachUprobe(lib, symbol, nil)
			if err != nil {
				t.Error(err)
				continue
			}
			*h = userHit{}
			v.run(t, 2)
			if h.Count != 2 {
				t.Errorf("%s ran %d times", symbol, h.Count)
			}
			closeLink(t, l)
		}
		for _, c := range []struct {
			symbol string
			err    error
			text   string
		}{
			{"versioned", syscall.EINVAL, "versioned@@LIB_2.0, versioned@LIB_1.0"},
			{"versioned@LIB_3.0", ErrNotExist, "versioned@@LIB_2.0"},
			{"picked", ErrNotExist, "IFUNC"},
			{"plainn", ErrNotExist, "near: plain"},
		} {
			_, err := obj.Program("entry").AttachUprobe(lib, c.symbol, nil)
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %v", c.symbol, err)
			}
		}
	}
}

// TestUprobeMulti attaches to many functions by pattern, names and offsets, with cookies and counters. The oracle is how often the program
// calls them: add_numbers twice, add_more, add_hidden and add_weak once.
func TestUprobeMulti(t *testing.T) {
	testkit.Kernel(t, "6.6")
	v := startVictim(t, target(t))
	obj := uprobeObject(t, v.pid, "many", "many_leave", "many_sleepy")
	offsets := []uint64{symbolOffset(t, v.path, "add_numbers"), symbolOffset(t, v.path, "add_more")}
	counter := symbolOffset(t, v.path, "counted_here")
	for _, c := range []struct {
		name, program, pattern string
		o                      UprobeMultiOptions
		want, cookies          uint64
		counted                int
	}{
		{"pattern", "many", "add_*", UprobeMultiOptions{}, 5, 0, 0},
		{"one", "many", "add_numbers", UprobeMultiOptions{}, 2, 0, 0},
		{"question marks", "many", "add_??????", UprobeMultiOptions{}, 1, 0, 0},
		{"names", "many", "", UprobeMultiOptions{Symbols: []string{"add_more", "add_numbers"}, Cookies: []uint64{1, 100}}, 3, 201, 0},
		{"many names", "many", "", UprobeMultiOptions{Symbols: []string{"add_more", "add_numbers", "add_hidden", "add_weak", "main"}, Cookies: []uint64{1, 10, 100, 1000, 10000}}, 5, 1121, 0},
		{"offsets", "many", "", UprobeMultiOptions{Offsets: offsets, Cookies: []uint64{100, 1}}, 3, 201, 0},
		{"counter", "many", "", UprobeMultiOptions{Offsets: offsets, RefCtrOffsets: []uint64{counter, 0}}, 3, 0, 1},
		{"return", "many_leave", "add_*", UprobeMultiOptions{Return: true}, 5, 0, 0},
		{"sleepable", "many_sleepy", "add_*", UprobeMultiOptions{}, 5, 0, 0},
		{"this process", "many", "add_*", UprobeMultiOptions{PID: v.pid}, 5, 0, 0},
		{"another process", "many", "add_*", UprobeMultiOptions{PID: os.Getpid()}, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := userHitOf(t, obj, c.program)
			*h = userHit{}
			l, err := obj.Program(c.program).AttachUprobeMulti(v.path, c.pattern, &c.o)
			if err != nil {
				t.Fatal(err)
			}
			if _, n := v.run(t, 1); n != c.counted {
				t.Errorf("the counter is %d, want %d", n, c.counted)
			}
			if h.Count != c.want || h.Cookies != c.cookies {
				t.Errorf("ran %d times with cookies that add up to %d, want %d and %d", h.Count, h.Cookies, c.want, c.cookies)
			}
			closeLink(t, l)
			*h = userHit{}
			if _, n := v.run(t, 1); h.Count != 0 || n != 0 {
				t.Errorf("afterwards it ran %d times, the counter is %d", h.Count, n)
			}
		})
	}
}

// TestUprobeSession runs at entry and return. The oracle is how often the program calls the functions.
func TestUprobeSession(t *testing.T) {
	testkit.Kernel(t, "6.13")
	v := startVictim(t, target(t))
	obj := uprobeObject(t, v.pid, "session")
	h := userHitOf(t, obj, "session")
	l, err := obj.Program("session").AttachUprobeMulti(v.path, "add_*", &UprobeMultiOptions{Session: true})
	if err != nil {
		t.Fatal(err)
	}
	defer closeLink(t, l)
	if v.run(t, 1); h.Count != 10 {
		t.Errorf("5 calls, it ran %d times", h.Count)
	}
}

// TestUprobeMultiStripped attaches by names to a library without a symbol table, which C libbpf can't. The oracle is that run_all calls
// each function once.
func TestUprobeMultiStripped(t *testing.T) {
	testkit.Kernel(t, "6.6")
	lib := library(t, "-s")
	v := startVictim(t, testkit.Native(t, caller, "-ldl"), lib)
	obj := uprobeObject(t, v.pid, "many")
	h := userHitOf(t, obj, "many")
	for _, c := range []struct {
		pattern string
		symbols []string
		want    uint64
	}{
		{"", []string{"plain", "plain_weak", "versioned@LIB_1.0"}, 3},
		{"", []string{"plain", "plain_weak", "run_all", "versioned@LIB_1.0", "versioned@LIB_2.0"}, 5},
		{"pl*", nil, 3}, // plain by two names
	} {
		l, err := obj.Program("many").AttachUprobeMulti(lib, c.pattern, &UprobeMultiOptions{Symbols: c.symbols})
		if err != nil {
			t.Error(err)
			continue
		}
		*h = userHit{}
		v.run(t, 1)
		if h.Count != c.want {
			t.Errorf("%s %v: ran %d times, want %d", c.pattern, c.symbols, h.Count, c.want)
		}
		closeLink(t, l)
	}
}

// TestUprobeArchive runs a library's code from where it is in a ZIP archive, as Android does, and attaches to it there by name and by
// offset. The oracle is that the code runs: the test maps it and a C program's function in it is called.
func TestUprobeArchive(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		testkit.Skip(t, "what the function is made of is known of x86-64 only")
	}
	v := target(t)
	obj := uprobeObject(t, os.Getpid(), "entry", "many")
	raw, err := os.ReadFile(v)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "base.apk")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(file)
	add := func(h *zip.FileHeader) {
		entry, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(raw); err != nil {
			t.Fatal(err)
		}
	}
	const name = "lib/target"
	// Pages of the member are pages of the archive. A local header has 30 bytes.
	add(&zip.FileHeader{Name: name, Method: zip.Store, Extra: make([]byte, 4096-30-len(name))})
	add(&zip.FileHeader{Name: "lib/packed", Method: zip.Deflate})
	if err := errors.Join(w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	start, err := archive.File[0].DataOffset()
	if err = errors.Join(err, archive.Close()); err != nil || start%4096 != 0 {
		t.Fatal(start, err)
	}

	mapped, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer mapped.Close()
	// add_hidden is a nop and an lea: called as a plain function it needs nothing but itself.
	at := symbolOffset(t, v, "add_hidden")
	page := (start + int64(at)) &^ 4095
	code, err := unix.Mmap(int(mapped.Fd()), page, 8192, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(code)
	entry := &code[start+int64(at)-page]
	h := userHitOf(t, obj, "entry")
	for _, c := range []struct {
		symbol string
		offset uint64
	}{{"add_hidden", 0}, {"", at}} {
		*h = userHit{}
		l, err := obj.Program("entry").AttachUprobe(path+"!/lib/target", c.symbol, &UprobeOptions{Offset: c.offset})
		if err != nil {
			t.Fatal(err)
		}
		callCode(entry)
		if h.Count != 1 {
			t.Errorf("%q: ran %d times", c.symbol, h.Count)
		}
		closeLink(t, l)
	}
	if l, err := obj.Program("many").AttachUprobeMulti(path+"!/lib/target", "add_h*", nil); err == nil {
		h := userHitOf(t, obj, "many")
		if callCode(entry); h.Count != 1 {
			t.Errorf("multi ran %d times", h.Count)
		}
		closeLink(t, l)
	} else if has, _ := kernel.Running().Has(facts.UprobeMultiLink); has || !errors.Is(err, ErrNotSupported) {
		t.Error(err)
	}
	for member, want := range map[string]error{"lib/none": ErrNotExist, "lib/packed": ErrNotSupported} {
		if _, err := obj.Program("entry").AttachUprobe(path+"!/"+member, "add_hidden", nil); !errors.Is(err, want) || !strings.Contains(err.Error(), member) {
			t.Errorf("%s: %v", member, err)
		}
	}
	if _, err := obj.Program("entry").AttachUprobe(v+"!/x", "add_hidden", nil); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "ZIP") {
		t.Error(err)
	}
}

// TestUprobeErrors: what can't be attached says why.
func TestUprobeErrors(t *testing.T) {
	path := target(t)
	obj := uprobeObject(t, 0, "entry", "many", "other", "kernel_only")
	entry, many := obj.Program("entry"), obj.Program("many")
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	gone := exec.Command("/proc/self/exe", "-test.run=^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	gonePID := gone.Process.Pid
	for _, c := range []struct {
		name   string
		attach func() (*Link, error)
		err    error
		text   string
	}{
		{"near name", func() (*Link, error) { return entry.AttachUprobe(path, "add_number", nil) }, ErrNotExist, "near: add_numbers"},
		{"no file", func() (*Link, error) { return entry.AttachUprobe("/no/such/file", "main", nil) }, ErrNotExist, "/no/such/file"},
		{"no file, by offset", func() (*Link, error) { return entry.AttachUprobe("/no/such/file", "", nil) }, ErrNotExist, "there is no file /no/such/file"},
		{"no program", func() (*Link, error) { return entry.AttachUprobe("no_such_program_here", "main", nil) }, ErrNotExist, "$PATH"},
		{"no library", func() (*Link, error) { return entry.AttachUprobe("libnosuch.so.1", "main", nil) }, ErrNotExist, "$LD_LIBRARY_PATH"},
		{"no name", func() (*Link, error) { return entry.AttachUprobe("", "main", nil) }, syscall.EINVAL, "no name"},
		{"a folder", func() (*Link, error) { return entry.AttachUprobe("/etc/", "main", nil) }, syscall.EINVAL, "regular"},
		{"a pipe", func() (*Link, error) { return entry.AttachUprobe(fifo, "main", nil) }, syscall.EINVAL, "regular"},
		{"no program file", func() (*Link, error) { return entry.AttachUprobe("testdata/target.c", "main", nil) }, syscall.EINVAL, "ELF"},
		{"past the end", func() (*Link, error) { return entry.AttachUprobe(path, "", &UprobeOptions{Offset: 1 << 40}) }, syscall.EINVAL, "offset"},
		{"no process", func() (*Link, error) { return entry.AttachUprobe(path, "main", &UprobeOptions{PID: gonePID}) }, syscall.ESRCH, "no process"},
		{"negative process", func() (*Link, error) { return entry.AttachUprobe(path, "main", &UprobeOptions{PID: -1}) }, syscall.EINVAL, "no process -1"},
		{"far counter", func() (*Link, error) { return entry.AttachUprobe(path, "main", &UprobeOptions{RefCtrOffset: 1 << 32}) }, syscall.EINVAL, "4 GiB"},
		{"cookie by ioctl", func() (*Link, error) {
			return entry.AttachUprobe(path, "main", &UprobeOptions{Cookie: 1, Mode: ProbePerf})
		}, ErrNotSupported, "no cookies"},
		{"type", func() (*Link, error) { return obj.Program("other").AttachUprobe(path, "main", nil) }, syscall.EINVAL, "xdp"},
		{"multi of another type", func() (*Link, error) { return obj.Program("other").AttachUprobeMulti(path, "main", nil) }, syscall.EINVAL, "xdp"},
		{"multi without being loaded so", func() (*Link, error) { return entry.AttachUprobeMulti(path, "main", nil) }, syscall.EINVAL, "uprobe.multi"},
		{"multi as session", func() (*Link, error) { return many.AttachUprobeMulti(path, "main", &UprobeMultiOptions{Session: true}) }, syscall.EINVAL, "uprobe.session"},
		{"nothing", func() (*Link, error) { return many.AttachUprobeMulti(path, "", nil) }, syscall.EINVAL, "neither"},
		{"no match", func() (*Link, error) { return many.AttachUprobeMulti(path, "no_such_*", nil) }, ErrNotExist, "no function matches"},
		{"missing name", func() (*Link, error) {
			return many.AttachUprobeMulti(path, "", &UprobeMultiOptions{Symbols: []string{"main", "mainly"}})
		}, ErrNotExist, "mainly"},
		{"both", func() (*Link, error) {
			return many.AttachUprobeMulti(path, "", &UprobeMultiOptions{Symbols: []string{"main"}, Offsets: []uint64{1}})
		}, syscall.EINVAL, "both"},
		{"cookies", func() (*Link, error) {
			return many.AttachUprobeMulti(path, "", &UprobeMultiOptions{Symbols: []string{"main"}, Cookies: []uint64{1, 2}})
		}, syscall.EINVAL, "2 cookies"},
		{"counters", func() (*Link, error) {
			return many.AttachUprobeMulti(path, "", &UprobeMultiOptions{Symbols: []string{"main"}, RefCtrOffsets: []uint64{1, 2}})
		}, syscall.EINVAL, "2 counters"},
		{"session and return", func() (*Link, error) {
			return many.AttachUprobeMulti(path, "main", &UprobeMultiOptions{Session: true, Return: true})
		}, syscall.EINVAL, "session"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := c.attach()
			if err == nil {
				closeLink(t, l)
				t.Fatal("it attached")
			}
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v; want %v and %q", err, c.err, c.text)
			}
		})
	}
}

// callCode calls machine code that uses neither the stack nor registers that Go keeps something in.
func callCode(code *byte) {
	entry := &struct{ pc uintptr }{uintptr(unsafe.Pointer(code))}
	(*(*func())(unsafe.Pointer(&entry)))()
}

// TestUprobePrivileges: without CAP_PERFMON the kernel refuses perf events, and the error names what is missing; links to many uprobes it
// leaves to whoever has the program. This test binary runs again as a
// process that becomes nobody after it has loaded its programs.
func TestUprobePrivileges(t *testing.T) {
	uprobes(t)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestUprobePrivilegesChild$", "-test.v")
	// Where nobody else may look, nobody finds the target.
	raw, err := os.ReadFile(target(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "target")
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755), os.WriteFile(path, raw, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "PUREBPF_NO_PERFMON="+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	multi := 0
	if has, _ := kernel.Running().Has(facts.UprobeMultiLink); has {
		multi = 2
	}
	refused, attached := 0, 0
	for line := range strings.Lines(string(out)) {
		switch {
		case strings.HasPrefix(line, "error: <nil>"):
			attached++
		case strings.HasPrefix(line, "error: "):
			if refused++; !strings.Contains(line, "permission denied") || !strings.Contains(line, "CAP_PERFMON") {
				t.Error(line)
			}
		}
	}
	if refused != 3 || attached != multi {
		t.Errorf("%d refused, %d attached, want 3 and %d\n%s", refused, attached, multi, out)
	}
}

// TestUprobePrivilegesChild is the process of TestUprobePrivileges.
func TestUprobePrivilegesChild(t *testing.T) {
	path := os.Getenv("PUREBPF_NO_PERFMON")
	if path == "" {
		testkit.Skip(t, "part of TestUprobePrivileges, which runs it")
	}
	has, err := kernel.Running().Has(facts.UprobeMultiLink)
	if err != nil {
		t.Fatal(err)
	}
	probe := uprobeObject(t, 0, "entry", "leave", "many")
	usdt := usdtObject(t, "usdt24", 0, nil, "any", "single")
	if err := syscall.Setuid(65534); err != nil { // all threads lose their capabilities
		t.Fatal(err)
	}
	report := func(l *Link, err error) {
		if err == nil {
			l.Close()
		}
		fmt.Println("error:", err)
	}
	report(probe.Program("entry").AttachUprobe(path, "add_numbers", nil))
	report(probe.Program("leave").AttachUprobe(path, "add_numbers", &UprobeOptions{Return: true}))
	report(usdt.Program("single").AttachUSDT(path, "target", "none", nil))
	if has {
		report(probe.Program("many").AttachUprobeMulti(path, "add_*", nil))
		report(usdt.Program("any").AttachUSDT(path, "target", "none", nil))
	}
}
