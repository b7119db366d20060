package funnel_test

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// refusal answers every bpf(2) call with an errno.
type refusal struct {
	funnel.Kernel
	errno syscall.Errno
}

func (r refusal) BPF(uapi.Cmd, unsafe.Pointer, uintptr, unsafe.Pointer) (int, syscall.Errno) {
	return -1, r.errno
}

// The oracle is the errno of what was installed last, and EINVAL, which every kernel answers to a
// command that there is none of.
func TestReplace(t *testing.T) {
	const none = uapi.Cmd(0xffff)
	var attr [8]byte
	expect := func(want syscall.Errno) {
		t.Helper()
		p, n := unsafe.Pointer(&attr), unsafe.Sizeof(attr)
		if _, e := funnel.BPF(none, p, n); e != want {
			t.Errorf("BPF: %v, want %v", e, want)
		}
		if e := funnel.KernelBPFFast(none, p, n); e != syscall.EINVAL {
			t.Errorf("KernelBPFFast: %v", e)
		}
		if _, e := funnel.Current().BPF(none, p, n, nil); e != want {
			t.Errorf("Current: %v, want %v", e, want)
		}
		if funnel.Replaced() != (want != syscall.EINVAL) {
			t.Errorf("replaced: %v", funnel.Replaced())
		}
	}
	expect(syscall.EINVAL)
	outer := funnel.Replace(refusal{errno: syscall.ENOMEM})
	expect(syscall.ENOMEM)
	inner := funnel.Replace(refusal{errno: syscall.ENOENT})
	expect(syscall.ENOENT)
	inner()
	expect(syscall.ENOMEM)
	outer()
	expect(syscall.EINVAL)
}
