package cgroup

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/objinfo"
	"github.com/purebpf/bpf/uapi"
)

func show(r *tool.Run) error {
	path, err := r.Next("path of a cgroup")
	if err != nil {
		return err
	}
	effective := r.More() && r.Take("effective")
	if err := r.End(); err != nil {
		return err
	}
	hooks, err := inspect.CgroupHooks(path, effective)
	if err != nil {
		return err
	}
	if r.JSON != nil {
		r.JSON.Array()
		defer r.JSON.EndArray()
	} else if len(hooks) > 0 {
		heading(r, effective)
	}
	return programs(r, hooks, effective, "")
}

func tree(r *tool.Run) error {
	root, effective := "", false
	for r.More() && !effective {
		if r.Take("effective") {
			effective = true
		} else if root == "" {
			root, _ = r.Next("path of a cgroup")
		} else {
			return r.Unexpected()
		}
	}
	if err := r.End(); err != nil {
		return err
	}
	if root == "" {
		var err error
		if root, err = inspect.CgroupRoot(); err != nil {
			return err
		}
	}
	if r.JSON != nil {
		r.JSON.Array()
		defer r.JSON.EndArray()
	} else {
		r.Printf("CgroupPath\n")
		heading(r, effective)
	}
	for path, err := range inspect.Cgroups(root) {
		if err != nil {
			return err
		}
		hooks, err := inspect.CgroupHooks(path, effective)
		if errors.Is(err, fs.ErrNotExist) && path != root {
			continue // removed meanwhile
		}
		if err != nil {
			return err
		}
		if len(hooks) == 0 {
			continue
		}
		if r.JSON == nil {
			r.Printf("%s\n", path)
			indent := "    "
			if path == root {
				indent = ""
			}
			if err := programs(r, hooks, effective, indent); err != nil {
				return err
			}
			continue
		}
		r.JSON.Object()
		r.JSON.StringKey("cgroup", path)
		r.JSON.Key("programs")
		r.JSON.Array()
		if err := programs(r, hooks, effective, ""); err != nil {
			return err
		}
		r.JSON.EndArray()
		r.JSON.EndObject()
	}
	return nil
}

func heading(r *tool.Run, effective bool) {
	if effective {
		r.Printf("%-8s %-15s %-15s\n", "ID", "AttachType", "Name")
	} else {
		r.Printf("%-8s %-15s %-15s %-15s\n", "ID", "AttachType", "AttachFlags", "Name")
	}
}

// programs prints the programs of hooks, a line or an object for each.
func programs(r *tool.Run, hooks []inspect.CgroupHook, effective bool, indent string) error {
	for _, h := range hooks {
		for _, p := range h.Programs {
			program, err := bpf.ProgramFromID(p.ProgramID)
			if errors.Is(err, fs.ErrNotExist) {
				continue // gone meanwhile
			}
			if err != nil {
				return err
			}
			info, err := program.Info()
			name := ""
			if err == nil {
				name = tool.ProgramName(program, info)
			}
			program.Close()
			if err != nil {
				return err
			}
			flags := h.Flags
			if p.Flags != 0 {
				flags = p.Flags
			}
			showProgram(r, h.Where, info, name, flagNames(flags), effective, indent)
		}
	}
	return nil
}

func flagNames(f uapi.AttachFlags) string {
	switch f {
	case 0:
		return ""
	case uapi.FAllowMulti:
		return "multi"
	case uapi.FAllowOverride:
		return "override"
	}
	return fmt.Sprintf("unknown(%x)", uint32(f))
}

func showProgram(r *tool.Run, where uapi.AttachType, info *objinfo.Program, name, flags string,
	effective bool, indent string) {
	hooked := hookName(where, info)
	if r.JSON == nil {
		r.Printf("%s%-8d %-15s", indent, info.ID, where.String())
		if !effective {
			r.Printf(" %-15s", flags)
		}
		r.Printf(" %-15s", name)
		if hooked != "" {
			r.Printf(" %-15s", hooked)
		} else if info.AttachTypeID != 0 {
			r.Printf(" attach_btf_obj_id=%d attach_btf_id=%d", info.AttachBTFID, info.AttachTypeID)
		}
		r.Printf("\n")
		return
	}
	j := r.JSON
	j.Object()
	j.UintKey("id", uint64(info.ID))
	j.Key("attach_type")
	tool.Type(j, where)
	if !effective {
		j.StringKey("attach_flags", flags)
	}
	j.StringKey("name", name)
	if hooked != "" {
		j.StringKey("attach_btf_name", hooked)
	}
	j.UintKey("attach_btf_obj_id", uint64(info.AttachBTFID))
	j.UintKey("attach_btf_id", uint64(info.AttachTypeID))
	j.EndObject()
}

// hookName returns the function of the kernel that a program of LSM is attached to, "" for others.
func hookName(where uapi.AttachType, info *objinfo.Program) string {
	if where != uapi.AttachLSMCgroup || info.AttachTypeID == 0 {
		return ""
	}
	spec, err := kernel.Running().BTF()
	if err != nil {
		return ""
	}
	t, ok := spec.Type(btf.ID(info.AttachTypeID))
	if !ok || t.Kind() != btf.KindFunc {
		return ""
	}
	return t.Name()
}
