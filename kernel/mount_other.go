//go:build !linux

package kernel

func fsMagic(string) (int64, error) { return 0, ErrNotLinux }

func mountFS(string, string, string) error { return ErrNotLinux }
