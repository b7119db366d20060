package testkit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// WrapSyscall is a flag for [LibbpfProgram] that redirects libbpf's calls of syscall(2) to the
// program's __wrap_syscall; __real_syscall is libc's.
const WrapSyscall = "-Wl,--wrap=syscall"

// LibbpfProgram builds a C source file with the C libbpf of the oracle and returns the program's
// path. It is built once for each state of the source and the flags, and linked statically, so that
// it also runs in a test machine. Without that libbpf the test skips, or fails with
// PUREBPF_CORPUS_REQUIRED=1.
func LibbpfProgram(t testing.TB, source string, flags ...string) string {
	t.Helper()
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	built, err := buildWithLibbpf(t, filepath.Base(source), text, flags...)
	if errors.Is(err, errNoLibbpf) {
		missing(t, "PUREBPF_CORPUS_REQUIRED", "%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// errNoLibbpf is the error on a machine without the oracle's libbpf.
var errNoLibbpf = errors.New("the oracle, C libbpf, is not built (make oracle)")

func buildWithLibbpf(t testing.TB, name string, text []byte, flags ...string) (string, error) {
	flags = append([]string{"-O1", "-Wall", "-static"}, flags...)
	sum := sha256.Sum256(append([]byte(strings.Join(flags, "\x00")+"\x00"), text...))
	built := filepath.Join(Cache(), "compiled", name+"-"+hex.EncodeToString(sum[:8]))
	if exists(built) {
		return built, nil
	}
	dir := filepath.Join(Cache(), "oracle", "libbpf")
	lib := filepath.Join(dir, "libbpf.a")
	compiler, err := exec.LookPath("cc")
	if !exists(lib) || err != nil {
		return "", errNoLibbpf
	}
	if err := os.MkdirAll(filepath.Dir(built), 0o755); err != nil {
		return "", err
	}
	temporary := filepath.Join(t.TempDir(), "program")
	args := append(flags, "-I"+filepath.Join(dir, "include"), "-x", "c", "-", "-x", "none",
		"-o", temporary, lib, "-lelf", "-lz")
	cmd := exec.Command(compiler, args...)
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cc: %w\n%s", err, out)
	}
	data, err := os.ReadFile(temporary)
	if err != nil {
		return "", err
	}
	if err := writeAtomic(built, data); err != nil {
		return "", err
	}
	return built, os.Chmod(built, 0o755)
}
