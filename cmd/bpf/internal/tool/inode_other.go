//go:build !linux

package tool

import "syscall"

func Inode(string) (uint64, error) { return 0, syscall.ENOSYS }
