package sys

import "syscall"

// Read calls read(2) on an iterator (libbpf bpf_iter_create and read; 5.8). It returns 0 at the
// end. EAGAIN means that the caller must call again.
func Read(fd int, p []byte) (int, error) { return syscall.Read(fd, p) }
