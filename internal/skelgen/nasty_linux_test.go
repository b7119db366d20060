package skelgen_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/skelgen"
	"github.com/purebpf/bpf/internal/testkit"
)

// nastyObject compiles testdata/nasty.bpf.c.
func nastyObject(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", "nasty.bpf.c"))
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile(filepath.Join("testdata", "nasty.h"))
	if err != nil {
		t.Fatal(err)
	}
	return testkit.Compile(t,
		strings.Replace(string(source), `#include "nasty.h"`, string(header), 1))
}

// nasty returns a program with the skeleton of testdata/nasty.bpf.c, for this machine and, if arch
// is not "", for another one, and the C program nasty.c.
func nasty(t *testing.T, arch string) (goProgram, cProgram string) {
	t.Helper()
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	m := newModule(t)
	header := read("nasty.h")
	include := `#include "nasty.h"`
	m.skeleton(nastyObject(t), skelgen.Options{Name: "nasty"})
	m.write("main.go", read("nasty_main.go"))
	m.write("kernel.go", read("nasty_kernel.go"))
	env := []string{"CGO_ENABLED=0"}
	if arch != "" {
		env = append(env, "GOARCH="+arch)
	}
	m.run(env, "vet", ".")
	m.run(env, "build", "-o", "nasty", ".")
	return filepath.Join(m.dir, "nasty"),
		testkit.Native(t, strings.Replace(read("nasty.c"), include, header, 1), "-static")
}

// output runs a program with a mode, on some input.
func output(t *testing.T, program, mode string, input []byte) []byte {
	t.Helper()
	cmd := exec.Command(program, mode)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), mode, err, stderr.Bytes())
	}
	return out
}

// agree compares what the two programs say about the layout, and lets each read what the other
// wrote.
func agree(t *testing.T, goProgram, cProgram string) {
	t.Helper()
	if ours, theirs := output(t, goProgram, "layout", nil),
		output(t, cProgram, "layout", nil); !bytes.Equal(ours, theirs) {
		t.Errorf("layout in Go:\n%s\nin C:\n%s", ours, theirs)
	}
	fromC, fromGo := output(t, cProgram, "write", nil), output(t, goProgram, "write", nil)
	want := output(t, cProgram, "read", fromC)
	for what, got := range map[string][]byte{
		"Go reads what C wrote":  output(t, goProgram, "read", fromC),
		"C reads what Go wrote":  output(t, cProgram, "read", fromGo),
		"Go reads what Go wrote": output(t, goProgram, "read", fromGo),
	} {
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
		}
	}
	if !bytes.Equal(fromC, fromGo) {
		t.Errorf("the bytes differ:\n%x\n%x", fromC, fromGo)
	}
}

// TestNasty: what the skeleton makes of a struct with every construct. Oracles: the machine's C
// compiler, which compiles the same header, for sizes, offsets and values; a program in the kernel
// that sets and checks the members as clang lays them out, with variables before, during and after
// the load, maps, records of a ring and links; and what the errors of stale skeletons must name.
func TestNasty(t *testing.T) {
	goProgram, cProgram := nasty(t, "")
	t.Run("layout", func(t *testing.T) { agree(t, goProgram, cProgram) })
	t.Run("kernel", func(t *testing.T) {
		testkit.Root(t)
		got := output(t, goProgram, "kernel", nil)
		want := output(t, cProgram, "read", output(t, cProgram, "write", nil))
		if !bytes.Equal(got, want) {
			t.Errorf("what the program wrote:\n%s\nwant\n%s", got, want)
		}
	})
}

// TestNasty32Bit: the layout on a 32-bit machine. Oracle: the C compiler of this one; where the
// kernel runs no 32-bit programs, that the constants of the layout compile.
func TestNasty32Bit(t *testing.T) {
	goProgram, cProgram := nasty(t, "386")
	t.Run("layout", func(t *testing.T) {
		if err := exec.Command(goProgram, "layout").Run(); errors.Is(err, syscall.ENOEXEC) {
			testkit.Skip(t, "this kernel runs no 32-bit programs: %v", err)
		}
		agree(t, goProgram, cProgram)
	})
}
