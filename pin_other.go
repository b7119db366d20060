//go:build !linux

package bpf

import "syscall"

func onBPFFS(string) error { return syscall.ENOSYS }
