package testkit

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// WrapSyscall is a flag for [LibbpfProgram]: libbpf's calls of syscall(2) go to the program's __wrap_syscall, and __real_syscall is libc's.
const WrapSyscall = "-Wl,--wrap=syscall"

// LibbpfProgram builds a C source file against the C libbpf of the oracle and returns the program's path. It is built
// once for each state of the source and the flags, and static, so that it runs in a test machine too. Without that libbpf the test skips,
// or fails with PUREBPF_CORPUS_REQUIRED=1.
func LibbpfProgram(t testing.TB, source string, flags ...string) string {
	t.Helper()
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	flags = append([]string{"-O1", "-Wall", "-static"}, flags...)
	sum := sha256.Sum256(append([]byte(strings.Join(flags, "\x00")+"\x00"), text...))
	built := filepath.Join(Cache(), "compiled", filepath.Base(source)+"-"+hex.EncodeToString(sum[:8]))
	if exists(built) {
		return built
	}
	dir := filepath.Join(Cache(), "oracle", "libbpf")
	lib := filepath.Join(dir, "libbpf.a")
	if !exists(lib) {
		missing(t, "PUREBPF_CORPUS_REQUIRED", "C libbpf is not built (make oracle)")
	}
	if err := os.MkdirAll(filepath.Dir(built), 0o755); err != nil {
		t.Fatal(err)
	}
	temporary := filepath.Join(t.TempDir(), "program")
	args := append(flags, "-I"+filepath.Join(dir, "include"), source, "-o", temporary, lib, "-lelf", "-lz")
	cmd := exec.Command(Tool(t, "cc"), args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	data, err := os.ReadFile(temporary)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeAtomic(built, data); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(built, 0o755); err != nil {
		t.Fatal(err)
	}
	return built
}
