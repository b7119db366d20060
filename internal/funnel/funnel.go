// Package funnel makes this module's system calls for BPF, perf events, descriptors, mappings and
// netlink, all in one place, so that a test can replace them.
//
// Package sys has a typed function for each of them. Pointers to attributes are untyped here, as in
// the system calls: their types are in package sys.
package funnel

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/uapi"
)

// Calls are the system calls that pass through here. Kernel makes them; tests install their own
// with Replace, usually a struct that embeds Kernel and overrides what it wants to change.
//
// Pointers are valid during the call only: neither they nor what their attributes point to may be
// kept or given to another goroutine. Methods are called concurrently.
type Calls interface {
	// BPF is bpf(2). attr points to size bytes of the command's attribute. common is a
	// *sys.CommonAttr or nil; if it is not nil the call is made with BPF_COMMON_ATTRS.
	BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr, common unsafe.Pointer) (int, syscall.Errno)
	// PerfEventOpen is perf_event_open(2). attr is a *sys.PerfEventAttr.
	PerfEventOpen(attr unsafe.Pointer, pid, cpu, group int, flags uint) (int, syscall.Errno)
	// Ioctl is ioctl(2) with a number, IoctlPtr with a pointer as argument.
	Ioctl(fd int, req uint, arg uintptr) (int, syscall.Errno)
	IoctlPtr(fd int, req uint, arg unsafe.Pointer) (int, syscall.Errno)
	// Mmap and Munmap are mmap(2) and munmap(2).
	Mmap(addr unsafe.Pointer, length uintptr, prot, flags, fd int, offset int64) (
		unsafe.Pointer, syscall.Errno)
	Munmap(addr unsafe.Pointer, length uintptr) syscall.Errno
	// Dup is fcntl(F_DUPFD_CLOEXEC, 3); Close is close(2). Who hands out numbers of its own
	// overrides both.
	Dup(fd int) (int, syscall.Errno)
	Close(fd int) syscall.Errno
	// Dup3 is dup3(2) with O_CLOEXEC: to becomes a second number for what from is.
	Dup3(from, to int) syscall.Errno
	// Netlink sends one request on a new socket of the given netlink family and gives every
	// datagram of the answer to receive, until that says done or fails.
	Netlink(family int, request []byte, receive func(datagram []byte) (done bool, err error)) error
}

// Kernel asks the running kernel.
type Kernel struct{}

type installed struct{ Calls }

var replacement atomic.Pointer[installed]

// Replace installs c for the whole process until restore is called. For tests: not meant to run
// beside code that talks to the real kernel.
func Replace(c Calls) (restore func()) {
	old := replacement.Swap(&installed{c})
	return func() { replacement.Store(old) }
}

// Replaced reports whether something other than the kernel is installed: facts learned through it
// aren't facts about the kernel.
func Replaced() bool { return replacement.Load() != nil }

// Current returns what is installed, Kernel unless it was replaced.
func Current() Calls {
	if f := replacement.Load(); f != nil {
		return f.Calls
	}
	return Kernel{}
}

// BPF is bpf(2) as a call that may block.
func BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr) (int, syscall.Errno) {
	if f := replacement.Load(); f != nil {
		return f.BPF(cmd, noescape(attr), size, nil)
	}
	return bpfSyscall(cmd, attr, size)
}

// noescape hides p from escape analysis: it passes attributes to what is installed without forcing
// every caller's key and value onto the heap. What is installed must not keep it beyond the call.
//
//go:nosplit
func noescape(p unsafe.Pointer) unsafe.Pointer {
	x := uintptr(p)
	return *(*unsafe.Pointer)(unsafe.Pointer(&x))
}

// CmdCommonAttrs is BPF_COMMON_ATTRS, the bit of a command that announces common attributes.
const CmdCommonAttrs = 1 << 16

const commonAttrSize = 20 // struct bpf_common_attr up to log_true_size
