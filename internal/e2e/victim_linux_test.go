package e2e

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// victim is a running program of ours that makes all its calls once for each line of input.
type victim struct {
	path string
	pid  int
	in   io.Writer
	out  *bufio.Reader
	wait func() error // for its end
}

// startVictim runs a program; it is killed when the test ends.
func startVictim(t testing.TB, path string, args ...string) *victim {
	t.Helper()
	return startCommand(t, exec.Command(path, args...))
}

// startCommand does the same as startVictim for a command that is set up differently.
func startCommand(t testing.TB, cmd *exec.Cmd) *victim {
	t.Helper()
	path := cmd.Path
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
	v := &victim{path: path, pid: cmd.Process.Pid, in: in, out: bufio.NewReader(out),
		wait: sync.OnceValue(cmd.Wait)}
	t.Cleanup(func() {
		cmd.Process.Kill()
		v.wait()
	})
	if line := v.line(t); !strings.HasPrefix(line, "ready") {
		t.Fatalf("%s says %q", path, line)
	}
	return v
}

func (v *victim) line(t testing.TB) string {
	t.Helper()
	line, err := v.out.ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v (%v)", v.path, err, v.wait())
	}
	return strings.TrimSpace(line)
}

// run makes the program make all its calls n times; it returns the values of its counters.
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
	text, err := os.ReadFile("../../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// target compiles testdata/target.c for this machine. Machines without shared libraries or a
// compiler can run it too.
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

// symbolOffset returns the file offset of a symbol, as package debug/elf reads it: its address, by
// the program headers.
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

// libc skips without a shared C library, which test machines don't have.
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

// library compiles testdata/library.c, stripped of its symbol table or not.
func library(t testing.TB, flags ...string) string {
	t.Helper()
	libc(t)
	script := filepath.Join(t.TempDir(), "versions")
	if err := os.WriteFile(script,
		[]byte("LIB_1.0 { global: versioned; };\nLIB_2.0 { global: versioned; plain*; picked; run_all; local: *; } LIB_1.0;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "libvictim.so")
	cmd := exec.Command(testkit.Tool(t, "gcc"),
		append([]string{"-g", "-O2", "-shared", "-fPIC", "-Wl,--version-script=" + script,
			"../../testdata/library.c", "-o", path}, flags...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return path
}
