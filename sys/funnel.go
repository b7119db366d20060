package sys

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/uapi"
)

// Funnel is what every system call of this module passes through. Real is the kernel; tests install their own with Replace,
// usually a struct that embeds Real and overrides what it wants to change.
//
// Pointers are valid during the call only: neither they nor what their attributes point to may be kept or given to another
// goroutine. Methods are called concurrently.
type Funnel interface {
	// BPF is bpf(2). attr points to size bytes of the command's attribute. common is a *CommonAttr or nil; if it is not nil the
	// call is made with BPF_COMMON_ATTRS.
	BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr, common *CommonAttr) (int, syscall.Errno)
	// PerfEventOpen is perf_event_open(2).
	PerfEventOpen(attr *PerfEventAttr, pid, cpu, group int, flags uint) (int, syscall.Errno)
	// Ioctl is ioctl(2) with a number, IoctlPtr with a pointer as argument.
	Ioctl(fd int, req uint, arg uintptr) (int, syscall.Errno)
	IoctlPtr(fd int, req uint, arg unsafe.Pointer) (int, syscall.Errno)
	// Mmap and Munmap are mmap(2) and munmap(2).
	Mmap(addr unsafe.Pointer, length uintptr, prot, flags, fd int, offset int64) (unsafe.Pointer, syscall.Errno)
	Munmap(addr unsafe.Pointer, length uintptr) syscall.Errno
	// Dup is fcntl(F_DUPFD_CLOEXEC, 3); Close is close(2). A funnel that hands out numbers of its own overrides both.
	Dup(fd int) (int, syscall.Errno)
	Close(fd int) syscall.Errno
	// Dup3 is dup3(2) with O_CLOEXEC: to becomes a second number for what from is.
	Dup3(from, to int) syscall.Errno
	// Netlink sends one request on a new socket of the given netlink family and gives every datagram of the answer to receive,
	// until that says done or fails.
	Netlink(family int, request []byte, receive func(datagram []byte) (done bool, err error)) error
}

// Kernel is the Funnel that asks the running kernel.
type Kernel struct{}

// Real is the Funnel in use unless it was replaced.
var Real Funnel = Kernel{}

type installed struct{ Funnel }

var funnel atomic.Pointer[installed]

// Replace installs f as the funnel of the whole process until restore is called. For tests and bpftest: not meant to run
// beside code that talks to the real kernel.
func Replace(f Funnel) (restore func()) {
	old := funnel.Swap(&installed{f})
	return func() { funnel.Store(old) }
}

// current returns the funnel to use.
func current() Funnel {
	if f := funnel.Load(); f != nil {
		return f.Funnel
	}
	return Kernel{}
}

// Replaced reports whether a Funnel other than the kernel is installed: facts learned through it aren't facts about the kernel.
func Replaced() bool { return funnel.Load() != nil }

// BPF is bpf(2) (libbpf sys_bpf): attr points to size bytes. It makes the call once and tells the Go scheduler about it, so it
// suits any command; the functions of this package are typed and better. Errors are syscall.Errno.
func BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr) (int, error) {
	r, e := bpf(cmd, attr, size)
	return r, errnoErr(e)
}

// bpf calls bpf(2) as a call that may block.
func bpf(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr) (int, syscall.Errno) {
	if f := funnel.Load(); f != nil {
		return f.BPF(cmd, noescape(attr), size, nil)
	}
	return bpfSyscall(cmd, attr, size)
}

// bpfFast calls bpf(2) as a call that doesn't block.
func bpfFast(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr) syscall.Errno {
	if f := funnel.Load(); f != nil {
		_, e := f.BPF(cmd, noescape(attr), size, nil)
		return e
	}
	return bpfRawSyscall(cmd, attr, size)
}

// bpfCommon calls bpf(2) with common attributes (a kernel with BPF_COMMON_ATTRS).
func bpfCommon(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr, common *CommonAttr) (int, syscall.Errno) {
	return current().BPF(cmd, attr, size, common)
}

// bpfFD calls bpf(2) for a command that returns a file descriptor.
func bpfFD(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr) (*FD, error) {
	r, e := bpf(cmd, attr, size)
	if e != 0 {
		return nil, e
	}
	return NewFD(r)
}

// cmdCommonAttrs is BPF_COMMON_ATTRS, the bit of cmd that announces a CommonAttr.
const cmdCommonAttrs = 1 << 16

// CommonAttr is struct bpf_common_attr: a log for any command, on kernels that know BPF_COMMON_ATTRS.
type CommonAttr struct {
	LogBuf      Pointer
	LogSize     uint32
	LogLevel    uint32
	LogTrueSize uint32 // out: what the whole log would have taken
	_           uint32
}

const commonAttrSize = 20 // up to LogTrueSize

// ProbeCommonAttrs makes the call that tells whether the kernel knows BPF_COMMON_ATTRS: PROG_LOAD with the bit and a NULL common
// attribute. EFAULT means yes, EINVAL no; nil is never returned.
func ProbeCommonAttrs() error {
	var attr [8]byte
	_, e := bpf(uapi.CmdProgLoad|cmdCommonAttrs, unsafe.Pointer(&attr), uintptr(len(attr)))
	return errnoErr(e)
}
