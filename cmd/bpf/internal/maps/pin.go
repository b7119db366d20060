package maps

import (
	"fmt"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

func pin(r *tool.Run) error {
	t, err := open(r, 0)
	if err != nil {
		return err
	}
	defer t.Close()
	path, err := r.Next("path to pin the map at")
	if err != nil {
		return err
	}
	if err := r.End(); err != nil {
		return err
	}
	if !r.NoMount {
		if err := kernel.EnsureBPFFS(path); err != nil {
			return err
		}
	}
	place, err := bpffs.At(path)
	if err != nil {
		return err
	}
	defer place.Close()
	return t.UseFD(func(fd int) error {
		if err := place.Pin(fd); err != nil {
			return fmt.Errorf("pin map %s at %s: %w", t.Name(), path, err)
		}
		return nil
	})
}

func freeze(r *tool.Run) error {
	t, err := open(r, uapi.OpenFlags(0))
	if err != nil {
		return err
	}
	defer t.Close()
	if err := r.End(); err != nil {
		return err
	}
	return t.Freeze()
}
