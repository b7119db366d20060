//go:build linux

package kernel

import (
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/oldkernel"
	"github.com/purebpf/bpf/sys"
)

type call = oldkernel.Call

// install makes a kernel that refuses some calls the kernel for this test.
func install(t testing.TB, refuse func(c call) syscall.Errno) *oldkernel.Kernel {
	k := &oldkernel.Kernel{Refuse: refuse}
	t.Cleanup(sys.Replace(k))
	return k
}
