//go:build !linux

package sys

import "syscall"

// Read fails: only Linux has iterators.
func Read(fd int, p []byte) (int, error) { return 0, syscall.ENOSYS }
