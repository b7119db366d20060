// Package iters is the command bpf iter: iterators that are read as files.
package iters

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// Command returns the command bpf iter.
func Command() *cobra.Command {
	n := tool.Noun{
		Name: "iter", Short: "Pin iterators, which are read as files",
		Verbs: []tool.Verb{{
			Name: "pin", Args: "OBJ FILE [map MAP]",
			Short: "Load an object and pin its first program as an iterator, over a map's elements",
			Example: `  bpf iter pin tasks.bpf.o /sys/fs/bpf/tasks
  cat /sys/fs/bpf/tasks`,
			Keywords: []string{"map", "id", "name", "pinned"}, Run: pin,
		}},
	}
	return n.Command()
}

func pin(r *tool.Run) error {
	file, err := r.Next("object file")
	if err != nil {
		return err
	}
	path, err := r.Next("path to pin the iterator at")
	if err != nil {
		return err
	}
	var over bpf.IterTarget
	if r.More() {
		if !r.Take("map") {
			return r.Unexpected()
		}
		m, err := r.OpenMap(uapi.FOpenRdonly)
		if err != nil {
			return err
		}
		defer m.Close()
		over = bpf.IterMap{Map: m}
	}
	if err := r.End(); err != nil {
		return err
	}
	if !r.NoMount {
		if err := kernel.EnsureBPFFS(path); err != nil {
			return err
		}
	}
	o, err := bpf.Open(file, nil)
	if err != nil {
		return err
	}
	if len(o.Programs) == 0 {
		return fmt.Errorf("%s has no programs: %w", file, bpf.ErrNotExist)
	}
	obj, err := bpf.Load(o, nil)
	if err != nil {
		return err
	}
	defer obj.Close()
	link, err := obj.Programs()[0].AttachIter(over)
	if err != nil {
		return err
	}
	return errors.Join(link.Pin(path), link.Close())
}
