package testkit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Native compiles C source with the machine's own compiler to a program, or with -shared to a
// library, and returns its path. Equal source and flags are compiled once, and a compiled program
// needs no compiler: the folder is copied to test machines, which have neither a compiler nor
// shared libraries, so programs for them are linked with -static.
func Native(t testing.TB, source string, flags ...string) string {
	t.Helper()
	return program(t, "compiled", "gcc", source,
		append([]string{"-g", "-O2", "-Wall", "-Werror"}, flags...))
}

// foreignTargets are clang's names of machines, by GOARCH.
var foreignTargets = map[string]string{"arm64": "aarch64-linux-gnu",
	"riscv64": "riscv64-linux-gnu", "s390x": "s390x-linux-gnu", "ppc64le": "powerpc64le-linux-gnu"}

// Foreign is Native for another machine, given by its GOARCH, with clang and lld and without a C
// library. Segments have pages of their own: the kernel counts a probe once for each mapping of its
// page. On that machine itself, Foreign finds what another machine compiled.
func Foreign(t testing.TB, arch, source string) string {
	t.Helper()
	target := foreignTargets[arch]
	if target == "" {
		t.Fatalf("testkit.Foreign: no compiler for %s", arch)
	}
	folder := "compiled"
	if arch != runtime.GOARCH {
		folder += "-" + arch
	}
	return program(t, folder, "clang-19", source,
		[]string{"--target=" + target, "-g", "-O2", "-Wall", "-Werror", "-ffreestanding",
			"-nostdlib", "-static",
			"-fuse-ld=lld", "-Wl,-z,separate-loadable-segments",
			"-idirafter", "/usr/include/x86_64-linux-gnu"})
}

func program(t testing.TB, folder, compiler, source string, args []string) string {
	t.Helper()
	h := sha256.New()
	for _, part := range append(args, source) {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	dir := filepath.Join(Cache(), folder)
	path := filepath.Join(dir, hex.EncodeToString(h.Sum(nil)[:16])+".native")
	if exists(path) {
		return path
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	temporary := filepath.Join(t.TempDir(), "out")
	if compiler != "gcc" {
		Tool(t, "ld.lld-19")
	}
	cmd := exec.Command(Tool(t, compiler), append(args, "-x", "c", "-", "-o", temporary)...)
	cmd.Stdin = bytes.NewReader([]byte(source))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", compiler, err, out)
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
