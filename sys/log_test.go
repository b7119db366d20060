//go:build linux

package sys_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// TestLoadLogged: the log protocol. The oracle is the kernel's verifier: what it writes, and how
// much of it fits.
func TestLoadLogged(t *testing.T) {
	testkit.Root(t)
	bad := progAttr(uapi.ProgSocketFilter, 0, []asm.Instruction{asm.ExitInsn()})
	fd, _, err := sys.ProgLoadLog(&bad, nil)
	var refused *sys.LogError
	if !errors.As(err, &refused) || !errors.Is(err, syscall.EACCES) || refused.Truncated ||
		!strings.Contains(refused.Log, "processed 1 insns") ||
		!strings.HasSuffix(err.Error(), ": R0 !read_ok") {
		fd.Close()
		t.Errorf("R0 unset: %v", err)
	}

	good := progAttr(uapi.ProgSocketFilter, 0,
		[]asm.Instruction{asm.Mov64Imm(asm.R0, 1), asm.ExitInsn()})
	for level, want := range map[uapi.LogLevel]bool{0: false, 1: true, 2: true} {
		fd, log, err := sys.ProgLoadLog(&good, &sys.LogOptions{Level: level})
		if err != nil || strings.Contains(log, "processed 2 insns") != want {
			t.Errorf("level %d: %q %v", level, log, err)
		}
		fd.Close()
	}

	long := make([]asm.Instruction, 1000)
	for i := range long {
		long[i] = asm.Mov64Imm(asm.R1, int32(i))
	}
	long[999] = asm.ExitInsn() // R0 is not set
	a := progAttr(uapi.ProgSocketFilter, 0, long)
	_, _, err = sys.ProgLoadLog(&a, &sys.LogOptions{Level: 2, Size: 1})
	if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &refused) || !refused.Truncated {
		t.Errorf("a log at level 2 that doesn't fit: %v", err)
	}
	_, _, err = sys.ProgLoadLog(&a, &sys.LogOptions{Size: 256})
	if !errors.Is(err, syscall.EACCES) || !errors.As(err, &refused) || !refused.Truncated {
		t.Errorf("a log after a refusal that doesn't fit: %v", err)
	}

	text := []byte("no BTF")
	_, _, err = sys.BTFLoadLog(
		&sys.BTFLoadAttr{BTF: sys.Slice(text), Size: uint32(len(text))}, nil)
	if err == nil {
		t.Error("text was loaded as BTF")
	}
}

// busyKernel answers every load with EAGAIN, and logs that don't fit with ENOSPC.
type busyKernel struct {
	funnel.Kernel
	calls int
	room  uint32 // ENOSPC while the log is smaller; 0: EAGAIN
	sizes []uint32
}

func (k *busyKernel) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if cmd != uapi.CmdProgLoad {
		return k.Kernel.BPF(cmd, attr, size, common)
	}
	k.calls++
	a := (*sys.ProgLoadAttr)(attr)
	switch {
	case k.room == 0:
		return -1, syscall.EAGAIN
	case a.LogLevel == 0:
		return -1, syscall.EINVAL
	}
	k.sizes = append(k.sizes, a.LogSize)
	copy(unsafe.Slice((*byte)(a.LogBuf.Unsafe()), a.LogSize), "text\x00")
	if a.LogSize < k.room {
		return -1, syscall.ENOSPC
	}
	return -1, syscall.EINVAL
}

// TestLoadAttempts: the number of attempts is the caller's, and buffers double. The oracle is
// libbpf's documentation of attempts, and its first size, 16 MiB - 1.
func TestLoadAttempts(t *testing.T) {
	k := new(busyKernel)
	defer funnel.Replace(k)()
	a := progAttr(uapi.ProgSocketFilter, 0, []asm.Instruction{asm.ExitInsn()})
	for attempts, want := range map[int]int{0: 5, 1: 1, 7: 7} {
		k.calls = 0
		_, _, err := sys.ProgLoadLog(&a, &sys.LogOptions{Attempts: attempts, Level: 1, Size: 128})
		if !errors.Is(err, syscall.EAGAIN) || k.calls != want {
			t.Errorf("attempts %d: %d calls, %v", attempts, k.calls, err)
		}
	}
	k.room = 1 << 25
	_, _, err := sys.ProgLoadLog(&a, nil)
	if !errors.Is(err, syscall.EINVAL) || len(k.sizes) != 3 || k.sizes[0] != 1<<24-1 ||
		k.sizes[2] != 4*(1<<24-1) {
		t.Errorf("buffers of %v bytes: %v", k.sizes, err)
	}
}
