package tool

import (
	"fmt"
	"os"

	"github.com/purebpf/bpf/kernel"
)

// Pin pins something at path: it mounts a BPF file system at the usual place if there is none,
// unless -n forbids that.
func (r *Run) Pin(path string, pin func(string) error) error {
	if !r.NoMount {
		if err := kernel.EnsureBPFFS(path); err != nil {
			return err
		}
	}
	return pin(path)
}

// PinDir makes a directory for pins, if it does not exist. It reports whether it made it.
func (r *Run) PinDir(dir string) (made bool, err error) {
	if !r.NoMount {
		if err := kernel.EnsureBPFFS(dir); err != nil {
			return false, err
		}
	}
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil:
		return true, nil
	case os.IsExist(err):
		return false, nil
	default:
		return false, fmt.Errorf("directory for pins: %w", err)
	}
}
