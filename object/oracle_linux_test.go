package object_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// libbpfOpen opens objects with C libbpf 1.5 (testdata/open.c) and returns its description of each.
// A path may also be a command to it.
func libbpfOpen(t testing.TB, paths ...string) []opened {
	t.Helper()
	testkit.OraclePath(t)
	lib := filepath.Join(testkit.Cache(), "oracle", "libbpf")
	source, err := os.ReadFile("testdata/open.c")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(testkit.Cache(), "compiled")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, fmt.Sprintf("open-%x", sha256.Sum256(source))[:24])
	if _, err := os.Stat(bin); err != nil {
		next := filepath.Join(t.TempDir(), "open")
		testkit.Run(t, "cc", "-O1", "-w", "-static", "-I"+filepath.Join(lib, "include"),
			"testdata/open.c", "-o", next, filepath.Join(lib, "libbpf.a"), "-lelf", "-lz")
		b, err := os.ReadFile(next)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(bin+".new", b, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(bin+".new", bin); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(bin, paths...).Output()
	if err != nil {
		t.Fatalf("%s: %v", bin, err)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(lines) != len(slices.DeleteFunc(slices.Clone(paths), func(p string) bool {
		return strings.Contains(p, "=")
	})) {
		t.Fatalf("C libbpf says %d lines about %d objects", len(lines), len(paths))
	}
	all := make([]opened, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal(line, &all[i]); err != nil {
			t.Fatalf("%s: %v in %q", paths[i], err, line)
		}
	}
	return all
}
