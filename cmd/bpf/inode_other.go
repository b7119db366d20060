//go:build !linux

package main

import "syscall"

func inode(string) (uint64, error) { return 0, syscall.ENOSYS }
