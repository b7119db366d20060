package funnel

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/uapi"
)

func bpfSyscall(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr) (int, syscall.Errno) {
	r, _, e := syscall.Syscall(unix.SYS_BPF, uintptr(cmd), uintptr(attr), size)
	return int(r), e
}

// KernelBPFFast is bpf(2) of the kernel, as a call that doesn't block, whatever is installed: for
// callers that asked Replaced. It is inlined: on many processors each return after a system call is
// mispredicted, which takes longer than all other instructions of a function.
func KernelBPFFast(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr) syscall.Errno {
	_, _, e := syscall.RawSyscall6(unix.SYS_BPF, uintptr(cmd), uintptr(attr), size, 0, 0, 0)
	return e
}

// BPF is bpf(2).
func (Kernel) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr, common unsafe.Pointer) (int, syscall.Errno) {
	if common == nil {
		return bpfSyscall(cmd, attr, size)
	}
	r, _, e := syscall.Syscall6(unix.SYS_BPF, uintptr(cmd|CmdCommonAttrs), uintptr(attr), size,
		uintptr(common), commonAttrSize, 0)
	return int(r), e
}

// PerfEventOpen is perf_event_open(2), repeated while a signal interrupts it.
func (Kernel) PerfEventOpen(attr unsafe.Pointer, pid, cpu, group int, flags uint) (int, syscall.Errno) {
	for {
		r, _, e := syscall.Syscall6(unix.SYS_PERF_EVENT_OPEN, uintptr(attr), uintptr(pid),
			uintptr(cpu),
			uintptr(group), uintptr(flags), 0)
		if e != syscall.EINTR {
			return int(r), e
		}
	}
}

// Ioctl is ioctl(2).
func (Kernel) Ioctl(fd int, req uint, arg uintptr) (int, syscall.Errno) {
	r, _, e := syscall.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(req), arg)
	return int(r), e
}

// IoctlPtr is ioctl(2) with a pointer.
func (Kernel) IoctlPtr(fd int, req uint, arg unsafe.Pointer) (int, syscall.Errno) {
	r, _, e := syscall.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(req), uintptr(arg))
	return int(r), e
}

// Mmap is mmap(2).
func (Kernel) Mmap(addr unsafe.Pointer, length uintptr, prot, flags, fd int, offset int64) (unsafe.Pointer, syscall.Errno) {
	p, err := unix.MmapPtr(fd, offset, addr, length, prot, flags)
	return p, asErrno(err)
}

// Munmap is munmap(2).
func (Kernel) Munmap(addr unsafe.Pointer, length uintptr) syscall.Errno {
	return asErrno(unix.MunmapPtr(addr, length))
}

// Dup is fcntl(F_DUPFD_CLOEXEC, 3).
func (Kernel) Dup(fd int) (int, syscall.Errno) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	return n, asErrno(err)
}

// Dup3 is dup3(2) with O_CLOEXEC.
func (Kernel) Dup3(from, to int) syscall.Errno {
	return asErrno(unix.Dup3(from, to, unix.O_CLOEXEC))
}

// Close is close(2). On Linux the descriptor is gone even when an error is returned.
func (Kernel) Close(fd int) syscall.Errno { return asErrno(syscall.Close(fd)) }

func asErrno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if e, ok := err.(syscall.Errno); ok {
		return e
	}
	return syscall.EIO
}
