package testkit

import (
	"os"
	"testing"
)

// Disposable skips the test unless the machine is one that vmtest made for the tests. Tests that
// may bring down the kernel, or take a CPU away from others, run nowhere else.
func Disposable(t testing.TB) {
	t.Helper()
	if os.Getenv("PUREBPF_DISPOSABLE") != "1" {
		Skip(t, "only in a virtual machine of its own (PUREBPF_DISPOSABLE=1): it can bring down "+
			"the kernel")
	}
}
