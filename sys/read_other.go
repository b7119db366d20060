//go:build !linux

package sys

import "syscall"

// Read is read(2) of an iterator; only Linux has them.
func Read(fd int, p []byte) (int, error) { return 0, syscall.ENOSYS }
