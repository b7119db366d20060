package structops

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/structops"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

func show(r *tool.Run) error {
	list, single, err := r.ListMaps(uapi.FOpenRdonly)
	if err != nil {
		return err
	}
	return tool.List(r, list, single, func(r *tool.Run, m *bpf.Map) error {
		if m.Type() != uapi.MapStructOps {
			if single {
				return fmt.Errorf("map %s is of type %v, not struct_ops", m.Name(), m.Type())
			}
			return nil
		}
		info, err := sys.MapInfoByFD(m.FD())
		if err != nil {
			return err
		}
		name := structops.TypeName(info)
		if r.JSON == nil {
			r.Printf("%d: %-15s %-32s\n", info.ID, m.Name(), name)
			return nil
		}
		r.JSON.Object()
		r.JSON.UintKey("id", uint64(info.ID))
		r.JSON.StringKey("name", m.Name())
		r.JSON.StringKey("kernel_struct_ops", name)
		r.JSON.EndObject()
		return nil
	})
}

func unregister(r *tool.Run) error {
	h, err := r.Map()
	if err != nil {
		return err
	}
	if err := r.End(); err != nil {
		return err
	}
	m, err := h.OneMap(0)
	if err != nil {
		return err
	}
	defer m.Close()
	info, err := m.Info()
	if err != nil {
		return err
	}
	if err := inspect.UnregisterStructOps(info.ID); err != nil {
		return err
	}
	r.Info("unregistered %s, map %d", m.Name(), info.ID)
	return nil
}

func register(r *tool.Run) error {
	file, err := r.Next("object file")
	if err != nil {
		return err
	}
	dir := ""
	if r.More() {
		if dir, err = r.Next("directory for the links"); err != nil {
			return err
		}
	}
	if err := r.End(); err != nil {
		return err
	}
	if dir != "" {
		if !r.NoMount {
			if err := kernel.EnsureBPFFS(dir); err != nil {
				return err
			}
		}
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	o, err := bpf.Open(file, nil)
	if err != nil {
		return err
	}
	obj, err := bpf.Load(o, nil)
	if err != nil {
		return err
	}
	defer obj.Close()
	found := false
	for _, m := range obj.Maps() {
		if m.Type() != uapi.MapStructOps {
			continue
		}
		found = true
		if err := registerMap(r, m, dir); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%s has no struct_ops maps: %w", file, bpf.ErrNotExist)
	}
	return nil
}

// registerMap registers a map for good. If it is by a link, that is pinned in dir.
func registerMap(r *tool.Run, m *bpf.Map, dir string) error {
	link, err := m.AttachStructOps()
	if err != nil {
		return err
	}
	if m.Flags()&uapi.FLink != 0 {
		if dir == "" {
			link.Close()
			return fmt.Errorf("map %s is registered by a link, which ends with this command: name "+
				"a directory in which it is pinned", m.Name())
		}
		if err := link.Pin(filepath.Join(dir, m.Name())); err != nil {
			return errors.Join(err, link.Close())
		}
	} else {
		link.Disconnect()
	}
	info, err := m.Info()
	if err != nil {
		return errors.Join(err, link.Close())
	}
	r.Info("registered %s, map %d", m.Name(), info.ID)
	return link.Close()
}
