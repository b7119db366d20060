//go:build !linux

package bpffs

import (
	"syscall"

	"github.com/purebpf/bpf/sys"
)

func openDir(*sys.FD, string) (*sys.FD, error) { return nil, syscall.ENOSYS }
func makeDir(*sys.FD, string) error            { return syscall.ENOSYS }
func unlink(*sys.FD, string, bool) error       { return syscall.ENOSYS }
func inode(*sys.FD, string) uint64             { return 0 }
func isBPFFS(*sys.FD) (bool, error)            { return false, syscall.ENOSYS }
func onBPFFS(string) bool                      { return false }
func exists(string) bool                       { return false }
