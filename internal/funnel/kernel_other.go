//go:build !linux

package funnel

import (
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/uapi"
)

func bpfSyscall(uapi.Cmd, unsafe.Pointer, uintptr) (int, syscall.Errno) {
	return -1, syscall.ENOSYS
}

// KernelBPFFast answers ENOSYS.
func KernelBPFFast(uapi.Cmd, unsafe.Pointer, uintptr) syscall.Errno { return syscall.ENOSYS }

// BPF answers ENOSYS: only Linux has bpf(2).
func (Kernel) BPF(uapi.Cmd, unsafe.Pointer, uintptr, unsafe.Pointer) (int, syscall.Errno) {
	return -1, syscall.ENOSYS
}

// PerfEventOpen answers ENOSYS.
func (Kernel) PerfEventOpen(unsafe.Pointer, int, int, int, uint) (int, syscall.Errno) {
	return -1, syscall.ENOSYS
}

// Ioctl answers ENOSYS.
func (Kernel) Ioctl(int, uint, uintptr) (int, syscall.Errno) { return -1, syscall.ENOSYS }

// IoctlPtr answers ENOSYS.
func (Kernel) IoctlPtr(int, uint, unsafe.Pointer) (int, syscall.Errno) { return -1, syscall.ENOSYS }

// Mmap answers ENOSYS.
func (Kernel) Mmap(unsafe.Pointer, uintptr, int, int, int, int64) (unsafe.Pointer, syscall.Errno) {
	return nil, syscall.ENOSYS
}

// Munmap answers ENOSYS.
func (Kernel) Munmap(unsafe.Pointer, uintptr) syscall.Errno { return syscall.ENOSYS }

// Dup answers ENOSYS.
func (Kernel) Dup(int) (int, syscall.Errno) { return -1, syscall.ENOSYS }

// Dup3 answers ENOSYS.
func (Kernel) Dup3(int, int) syscall.Errno { return syscall.ENOSYS }

// Close answers ENOSYS.
func (Kernel) Close(int) syscall.Errno { return syscall.ENOSYS }

// Netlink answers ENOSYS.
func (Kernel) Netlink(int, []byte, func([]byte) (bool, error)) error { return syscall.ENOSYS }
