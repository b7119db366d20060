package testkit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Tool returns the path of a program that make deps installs ("llvm-objdump-19", "bpftool", …),
// which it also looks up in the sbin folders. Without it the test skips, or fails with
// PUREBPF_TOOLS_REQUIRED=1.
func Tool(t testing.TB, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	missing(t, "PUREBPF_TOOLS_REQUIRED", "%s is not installed (make deps)", name)
	return ""
}

// Header returns a header of the kernel's interface to user space ("linux/capability.h"), which
// make deps installs. Without it the test skips, or fails with PUREBPF_TOOLS_REQUIRED=1.
func Header(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/usr/include", name))
	if err != nil {
		missing(t, "PUREBPF_TOOLS_REQUIRED",
			"the kernel's headers are not installed (make deps): %v", err)
	}
	return text
}

// Run runs a program found by [Tool] and returns its standard output; any exit status other than 0
// fails the test.
func Run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(Tool(t, name), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, stderr.Bytes())
	}
	return stdout.Bytes()
}

// Compile compiles C source with clang-19 for the BPF target and returns the object's path.
// Libbpf's headers come from the oracle's libbpf if it was built, else from libbpf-dev. The flags
// follow -target bpf -g -O2, so they can override them ("-target", "bpfeb", "-mcpu=v4"). Equal
// source and flags are compiled once, and a compiled object needs no clang: the folder is copied to
// test machines, which have none.
func Compile(t testing.TB, source string, flags ...string) string {
	t.Helper()
	args := append([]string{"-target", "bpf", "-g", "-O2", "-Wall", "-Werror"}, flags...)
	h := sha256.New()
	for _, part := range append(args, source) {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	dir := filepath.Join(Cache(), "compiled")
	path := filepath.Join(dir, hex.EncodeToString(h.Sum(nil)[:16])+".bpf.o")
	if exists(path) {
		return path
	}
	clang := Tool(t, "clang-19")
	if include := filepath.Join(Cache(), "oracle", "libbpf", "include"); exists(include) {
		args = append(args, "-I"+include)
	}
	args = append(args, "-idirafter", "/usr/include/x86_64-linux-gnu")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	temporary := filepath.Join(t.TempDir(), "out.bpf.o")
	cmd := exec.Command(clang, append(args, "-x", "c", "-c", "-", "-o", temporary)...)
	cmd.Stdin = bytes.NewReader([]byte(source))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("clang-19: %v\n%s", err, out)
	}
	data, err := os.ReadFile(temporary)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeAtomic(path, data); err != nil {
		t.Fatal(err)
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// writeAtomic lets concurrent test processes write the same file: a reader sees all of it or
// nothing.
func writeAtomic(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
