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

// Native compiles C source with the machine's own compiler to a program, or with -shared to a library, and returns its path. Equal
// source and flags are compiled once, and a program that was compiled needs no compiler: the folder is copied into test machines, which
// have neither one nor shared libraries, so programs for them are linked with -static.
func Native(t testing.TB, source string, flags ...string) string {
	t.Helper()
	args := append([]string{"-g", "-O2", "-Wall", "-Werror"}, flags...)
	h := sha256.New()
	for _, part := range append(args, source) {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	dir := filepath.Join(Cache(), "compiled")
	path := filepath.Join(dir, hex.EncodeToString(h.Sum(nil)[:16])+".native")
	if exists(path) {
		return path
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	temporary := filepath.Join(t.TempDir(), "out")
	cmd := exec.Command(Tool(t, "gcc"), append(append(args, "-x", "c", "-", "-x", "none"), "-o", temporary)...)
	cmd.Stdin = bytes.NewReader([]byte(source))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	data, err := os.ReadFile(temporary)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeAtomic(path, data); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
