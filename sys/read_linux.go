package sys

import "syscall"

// Read is read(2) of an iterator (libbpf bpf_iter_create and read; 5.8). It returns 0 at the end. EAGAIN asks to call again.
func Read(fd int, p []byte) (int, error) { return syscall.Read(fd, p) }
