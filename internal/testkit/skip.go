package testkit

import (
	"os"
	"path/filepath"
	"testing"
)

// Skip ends the test as skipped with a reason about the machine. A test that needs privileges or
// installed parts uses [Root], [Corpus], [Oracle], [Tool] or [Kernel]; Skip is for what a kernel or
// machine cannot do.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Skipf("skip: "+format, args...)
}

// missing skips the test, or fails it if the environment variable says that the part must exist.
func missing(t testing.TB, variable, format string, args ...any) {
	t.Helper()
	if os.Getenv(variable) == "1" {
		t.Fatalf(format+" ("+variable+"=1)", args...)
	}
	Skip(t, format, args...)
}

// Cache returns the folder that the scripts filled: PUREBPF_CACHE, or purebpf in the user's cache
// folder.
func Cache() string {
	if dir := os.Getenv("PUREBPF_CACHE"); dir != "" {
		return dir
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "purebpf")
	}
	return filepath.Join(string(os.PathSeparator), "var", "cache", "purebpf")
}
