//go:build !linux

package kernel

func setMemlock(uint64) error { return ErrNotLinux }
