//go:build linux

package kernel

import (
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/oldkernel"
)

type call = oldkernel.Call

// install replaces the kernel for this test with one that refuses some calls.
func install(t testing.TB, refuse func(c call) syscall.Errno) *oldkernel.Kernel {
	k := &oldkernel.Kernel{Refuse: refuse}
	t.Cleanup(funnel.Replace(k))
	return k
}
