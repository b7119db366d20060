package userfile

import (
	"archive/zip"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
)

// program compiles a program with a few functions.
func program(t *testing.T, flags ...string) string {
	t.Helper()
	return testkit.Native(t, `
#include <stdio.h>
__attribute__((noinline)) int add_numbers(int a, int b) { asm volatile(""); return a + b; }
__attribute__((noinline)) int add_more(int a) { asm volatile(""); return a + 3; }
int main(int argc, char **argv) {
	puts("ready");
	getchar();
	return add_numbers(argc, 1) + add_more(argc);
}
`, flags...)
}

// symbolOffset returns the offset of a function in a file, as debug/elf reads it.
func symbolOffset(t *testing.T, path, name string) uint64 {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		for _, p := range f.Progs {
			if s.Name == name && p.Type == elf.PT_LOAD && s.Value >= p.Vaddr &&
				s.Value < p.Vaddr+p.Filesz {
				return s.Value - p.Vaddr + p.Off
			}
		}
	}
	t.Fatalf("%s has no symbol %s", path, name)
	return 0
}

// TestOpenRefused opens what is no program or library. The oracle is the file system.
func TestOpenRefused(t *testing.T) {
	dir := t.TempDir()
	fifo, text := filepath.Join(dir, "fifo"), filepath.Join(dir, "text")
	if err := errors.Join(unix.Mkfifo(fifo, 0o600),
		os.WriteFile(text, []byte("int main;"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		err  error
		text string
	}{
		"/no/such/file":        {fs.ErrNotExist, "there is no file /no/such/file"},
		"no_such_program_here": {fs.ErrNotExist, "$PATH"},
		"libnosuch.so.1":       {fs.ErrNotExist, "$LD_LIBRARY_PATH"},
		"":                     {syscall.EINVAL, "no name"},
		"..":                   {syscall.EINVAL, "no name"},
		"/bin/a\x00b":          {syscall.EINVAL, "no name"},
		"/etc/":                {syscall.EINVAL, "regular"},
		fifo:                   {syscall.EINVAL, "regular"},
		text:                   {syscall.EINVAL, "ELF"},
		text + "!/member":      {syscall.EINVAL, "ZIP"},
		fifo + "!/member":      {syscall.EINVAL, "regular"},
		"none.apk!/member":     {fs.ErrNotExist, "there is no file none.apk"},
	} {
		f, err := Open(name, 0)
		if !errors.Is(err, want.err) || !strings.Contains(err.Error(), want.text) {
			t.Errorf("%q: %v; want %v and %q", name, err, want.err, want.text)
		}
		f.Close()
		if name == text {
			continue
		}
		f, err = OpenForOffsets(name, 0)
		if !errors.Is(err, want.err) || !strings.Contains(err.Error(), want.text) {
			t.Errorf("for offsets, %q: %v; want %v and %q", name, err, want.err, want.text)
		}
		f.Close()
	}
}

// TestSearch searches a program and a library by their names, in directories where others of these
// names may not be used. The oracles are the shell and the dynamic linker's variable.
func TestSearch(t *testing.T) {
	wrong, right := t.TempDir(), t.TempDir()
	const name, library = "purebpf_searched", "libpurebpf_searched.so.1"
	path := program(t)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(wrong, name), raw, 0o600),
		os.Mkdir(filepath.Join(wrong, library), 0o700),
		os.WriteFile(filepath.Join(right, name), raw, 0o700),
		os.WriteFile(filepath.Join(right, library), raw, 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", wrong+":"+right+":"+os.Getenv("PATH"))
	t.Setenv("LD_LIBRARY_PATH", wrong+"::"+right)
	if byShell := testkit.Run(t, "sh", "-c", "command -v "+name); string(byShell) !=
		filepath.Join(right, name)+"\n" {
		t.Errorf("the shell finds %s", byShell)
	}
	for _, name := range []string{name, library} {
		f, err := Open(name, 0)
		if err != nil {
			t.Error(err)
			continue
		}
		if f.Path() != filepath.Join(right, name) {
			t.Errorf("%s is at %s", name, f.Path())
		}
		f.Close()
	}
	if _, err := Open("purebpf_saerched", 0); !errors.Is(err, fs.ErrNotExist) ||
		!strings.Contains(err.Error(), "near: "+name) {
		t.Error(err)
	}
}

// TestFunctions finds functions in a program, and in the same program as a member of an archive.
// The oracles are debug/elf and archive/zip.
func TestFunctions(t *testing.T) {
	path := program(t)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	apk := filepath.Join(t.TempDir(), "base.apk")
	out, err := os.Create(apk)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(out)
	for _, h := range []*zip.FileHeader{{Name: "first", Method: zip.Store},
		{Name: "lib/program", Method: zip.Store}, {Name: "lib/packed", Method: zip.Deflate}} {
		member, err := w.CreateHeader(h)
		if err == nil {
			_, err = member.Write(raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.OpenReader(apk)
	if err != nil {
		t.Fatal(err)
	}
	start, err := archive.File[1].DataOffset()
	if err := errors.Join(err, archive.Close()); err != nil {
		t.Fatal(err)
	}
	numbers, more := symbolOffset(t, path, "add_numbers"), symbolOffset(t, path, "add_more")
	next := map[string]uint64{"arm64": 4, "riscv64": 4, "s390x": 8}[runtime.GOARCH]
	for name, base := range map[string]uint64{path: 0, apk + "!/lib/program": uint64(start)} {
		f, err := Open(name, 0)
		if err != nil {
			t.Error(err)
			continue
		}
		defer f.Close()
		check := func(what string, got []uint64, err error, want ...uint64) {
			t.Helper()
			for i := range want {
				want[i] += base
			}
			slices.Sort(got)
			slices.Sort(want)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %s: %#x, %v, want %#x", name, what, got, err, want)
			}
		}
		at, err := f.At("add_more", 0)
		check("function", []uint64{at}, err, more)
		at, err = f.At("add_more", next)
		check("inside a function", []uint64{at}, err, more+next)
		at, err = f.At("", more)
		check("offset", []uint64{at}, err, more)
		at, err = f.At("", 0)
		check("start", []uint64{at}, err, 0)
		list, err := f.Functions([]string{"add_more", "add_numbers"})
		check("functions", list, err, more, numbers)
		list, err = f.Match("add_*")
		check("pattern", list, err, more, numbers)
		list, err = f.Match("add_more")
		check("pattern that is a name", list, err, more)
		given := []uint64{numbers, more}
		list, err = f.Offsets(given)
		check("offsets", list, err, numbers, more)
		if given[0] != numbers || given[1] != more {
			t.Errorf("%s: the caller's offsets are %#x now", name, given)
		}
		refused := func(err, want error, text string) {
			t.Helper()
			if !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v; want %v and %q", name, err, want, text)
			}
		}
		_, err = f.At("add_mure", 0)
		refused(err, fs.ErrNotExist, "near: add_more")
		_, err = f.Functions([]string{"main", "add_number"})
		refused(err, fs.ErrNotExist, "near: add_numbers")
		_, err = f.Match("add_number")
		refused(err, fs.ErrNotExist, "near: add_numbers")
		_, err = f.Match("no_such_*")
		refused(err, fs.ErrNotExist, "no function matches")
	}
	for member, want := range map[string]error{"lib/none": fs.ErrNotExist,
		"lib/packed": errors.ErrUnsupported} {
		if _, err := Open(apk+"!/"+member, 0); !errors.Is(err, want) ||
			!strings.Contains(err.Error(), member) {
			t.Errorf("%s: %v", member, err)
		}
	}
}

// TestProbeReplaced replaces a file by another while the kernel is asked to make a probe by its
// path. The oracle is what was replaced: the error must not be nil, and by its descriptor the open
// file is found still.
func TestProbeReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	raw, err := os.ReadFile(program(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	same := func(at string) error {
		now, err := os.Stat(at)
		if err != nil {
			return err
		}
		if opened, err := f.file.Stat(); err != nil || !os.SameFile(now, opened) {
			return errors.Join(errors.New(at+" is another file"), err)
		}
		return nil
	}
	for _, listed := range []bool{true, false} {
		if err := f.Probe(listed, same); err != nil {
			t.Errorf("listed %v: %v", listed, err)
		}
	}
	err = f.Probe(true, func(at string) error {
		if at != path {
			t.Errorf("asked for %s", at)
		}
		return errors.Join(os.Remove(path), os.WriteFile(path, raw, 0o700))
	})
	if !errors.Is(err, syscall.ESTALE) {
		t.Errorf("after the file was replaced: %v", err)
	}
	if err := f.Probe(false, same); err != nil {
		t.Error(err)
	}
}

// TestLocate finds the addresses of USDT probes in a process that has its program anywhere in
// memory. The oracle is the process, which prints the address of its function.
func TestLocate(t *testing.T) {
	path := testkit.Native(t, `
#include <stdio.h>
#include <sys/sdt.h>
__attribute__((noinline, aligned(64))) void place(void) { STAP_PROBE(app, one); }
int main(void) {
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("%p\n", (void *)place);
	getchar();
	place();
	return 0;
}
`, "-pie", "-fPIE")
	cmd := exec.Command(path)
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
	defer func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	var line [32]byte
	n, err := out.Read(line[:])
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := f.USDT("app", "one")
	if err != nil {
		t.Fatal(err)
	}
	inFunction := p.Sites[0].Offset - symbolOffset(t, path, "place")
	if err := f.Locate(p.Sites, 0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("in no process: %v", err)
	}
	if err := f.Locate(p.Sites, os.Getpid()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in another process: %v", err)
	}
	if err := f.Locate(p.Sites, cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	var place uint64
	if _, err := fmt.Sscanf(string(line[:n]), "0x%x", &place); err != nil {
		t.Fatal(err)
	}
	if len(p.Sites) != 1 || p.Sites[0].Address != place+inFunction {
		t.Errorf("%+v, the function is at %#x", p.Sites, place)
	}
}
