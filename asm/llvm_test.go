package asm_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// The oracles of this package's tests are LLVM 19's tools: llvm-mc assembles, llvm-objdump
// disassembles.

// bothOrders are LLVM's names of the BPF target in both byte orders.
var bothOrders = []string{"bpfel", "bpfeb"}

// assemble assembles source with llvm-mc and returns the path of the object.
func assemble(t testing.TB, triple, source string) string {
	t.Helper()
	dir := t.TempDir()
	src, obj := filepath.Join(dir, "t.s"), filepath.Join(dir, "t.o")
	if err := os.WriteFile(src, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	testkit.Run(t, "llvm-mc-19", "-triple="+triple, "-mcpu=v4", "-filetype=obj", "-o", obj, src)
	return obj
}

// bytesSource returns assembler source for raw bytes.
func bytesSource(code []byte) string {
	var b strings.Builder
	for len(code) > 0 {
		n := min(len(code), 64)
		b.WriteString(" .byte ")
		for i, c := range code[:n] {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprint(&b, c)
		}
		b.WriteByte('\n')
		code = code[n:]
	}
	return b.String()
}

// objdump disassembles an object with llvm-objdump and returns the text after the line with the
// file's name.
func objdump(t testing.TB, obj string, args ...string) string {
	t.Helper()
	out := testkit.Run(t, "llvm-objdump-19", append([]string{"-d"}, append(args, obj)...)...)
	_, rest, ok := bytes.Cut(out, []byte("file format elf64-bpf\n"))
	if !ok {
		t.Fatalf("llvm-objdump printed %q", out)
	}
	return string(rest)
}

// section returns the bytes of a section and the file.
func section(t testing.TB, obj, name string) ([]byte, *elf.File) {
	t.Helper()
	f, err := elf.Open(obj)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	data, err := f.Section(name).Data()
	if err != nil {
		t.Fatal(err)
	}
	return data, f
}

// firstDifference describes the first line in which two texts differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "(end)", "(end)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d:\n got %q\nwant %q", i+1, a, b)
		}
	}
	return "equal"
}
