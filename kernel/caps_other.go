//go:build !linux

package kernel

func effective() (set uint64, split bool, err error) { return 0, false, ErrNotLinux }
