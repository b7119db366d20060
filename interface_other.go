//go:build !linux

package bpf

import "syscall"

func interfaceIndex(string) (int, error) { return 0, syscall.ENOSYS }
