package testkit

import (
	"os"
	"testing"
)

// Sample returns how many of total rounds, objects or calls a test is to try: all with
// PUREBPF_LONG=1 (make long), else some, at most. What is left out is logged, and make test lists
// it when it ends.
func Sample(t testing.TB, what string, total, some int) int {
	t.Helper()
	if os.Getenv("PUREBPF_LONG") == "1" || some >= total {
		return total
	}
	t.Logf("sample: %d of %d %s", some, total, what)
	return some
}
