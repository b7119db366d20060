package testkit

import (
	"os"
	"testing"
)

// Disposable skips unless the machine is one that vmtest made for the tests: what may bring down a
// kernel, or takes a CPU from everybody, is done nowhere else.
func Disposable(t testing.TB) {
	t.Helper()
	if os.Getenv("PUREBPF_DISPOSABLE") != "1" {
		Skip(t, "only in a virtual machine of its own (PUREBPF_DISPOSABLE=1): it can bring down the kernel")
	}
}
