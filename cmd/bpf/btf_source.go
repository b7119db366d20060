package main

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

const (
	sysBTF     = "/sys/kernel/btf"
	vmlinuxBTF = sysBTF + "/vmlinux"
)

// btfSource is BTF and where it is from.
type btfSource struct {
	spec  *btf.Spec
	name  string   // in messages
	roots []btf.ID // the types asked for, nil for all
}

// btfFromFile reads the BTF in a file, as kernel.ReadBTF does. Split BTF needs that of the kernel:
// base names it; if base is "", files in sysfs have that of the running kernel.
func btfFromFile(path, base string) (btfSource, error) {
	clean := filepath.Clean(path)
	if base == "" && clean == vmlinuxBTF {
		spec, err := kernel.Running().BTF() // mapped
		return btfSource{spec: spec, name: path}, err
	}
	raw, err := kernel.ReadBTF(path)
	if err != nil {
		return btfSource{}, err
	}
	if base == "" && filepath.Dir(clean) == sysBTF {
		base = vmlinuxBTF
	}
	var under btfSource
	if base != "" {
		if under, err = btfFromFile(base, ""); err != nil {
			return btfSource{}, err
		}
	}
	spec, err := btf.Parse(raw, under.spec)
	if errors.Is(err, btf.ErrNeedsBase) {
		err = fmt.Errorf("%w: name the vmlinux of the same kernel with --base-btf", err)
	}
	if err != nil {
		return btfSource{}, fmt.Errorf("%s: %w", path, err)
	}
	return btfSource{spec: spec, name: path}, nil
}

// btfFromID reads a BTF object of the kernel. That of a module is split over vmlinux.
func btfFromID(id uint32) (btfSource, error) {
	name := fmt.Sprintf("BTF object %d", id)
	fd, err := sys.BTFFDByID(id)
	if err != nil {
		return btfSource{}, kernel.Running().Explain(fmt.Errorf("%s: %w", name, err),
			"reading "+name, kernel.CapSysAdmin)
	}
	defer fd.Close()
	info, called, err := sys.NamedBTFInfoByFD(fd.Int())
	if err != nil {
		return btfSource{}, fmt.Errorf("%s: %w", name, err)
	}
	var base *btf.Spec
	if info.KernelBTF != 0 {
		spec, err := kernel.Running().BTF()
		if err != nil || called == "vmlinux" {
			return btfSource{spec: spec, name: name}, err
		}
		base = spec
	}
	spec, err := kernel.BTFByID(id, base)
	return btfSource{spec: spec, name: name}, err
}

// btfOfProgram reads the BTF that a program was loaded with.
func btfOfProgram(w *tool.Words) (btfSource, error) {
	p, err := w.OpenProgram()
	if err != nil {
		return btfSource{}, err
	}
	defer p.Close()
	info, err := sys.ProgInfoByFD(p.FD())
	if err != nil {
		return btfSource{}, err
	}
	if info.BTFID == 0 {
		return btfSource{}, fmt.Errorf("program %d (%s) was loaded without BTF", info.ID,
			info.Name.String())
	}
	return btfFromID(info.BTFID)
}

// btfOfMap reads the BTF that a map was created with. Unless the words ask for all types, only
// those of its keys and values are asked for.
func btfOfMap(w *tool.Words) (btfSource, error) {
	m, err := w.OpenMap(uapi.FOpenRdonly)
	if err != nil {
		return btfSource{}, err
	}
	defer m.Close()
	info, err := sys.MapInfoByFD(m.FD())
	if err != nil {
		return btfSource{}, err
	}
	btfID, key, value := info.BTFID, btf.ID(info.BTFKeyTypeID), btf.ID(info.BTFValueTypeID)
	if info.BTFVmlinuxValueTypeID != 0 { // of struct_ops
		btfID, value = info.BTFVmlinuxID, btf.ID(info.BTFVmlinuxValueTypeID)
	}
	name := fmt.Sprintf("map %d (%s)", info.ID, info.Name.String())
	if btfID == 0 {
		return btfSource{}, fmt.Errorf("%s was created without BTF", name)
	}
	var roots []btf.ID
	switch {
	case w.Take("key"):
		roots = []btf.ID{key}
	case w.Take("value"):
		roots = []btf.ID{value}
	case w.Take("all"):
	default:
		w.Take("kv")
		roots = []btf.ID{key, value}
	}
	if roots != nil {
		roots = slices.DeleteFunc(roots, func(id btf.ID) bool { return id == 0 })
		if len(roots) == 0 {
			return btfSource{}, fmt.Errorf("%s was created without types of keys and values", name)
		}
	}
	s, err := btfFromID(btfID)
	s.name, s.roots = name, roots
	return s, err
}

// types returns the types of a name: structs, unions, enums and typedefs, and what forward
// declarations stand for only if there is nothing else.
func (s btfSource) types(names []string) (ids []btf.ID, err error) {
	var missing []string
	for _, name := range names {
		found := false
		for _, kind := range [...]btf.Kind{btf.KindStruct, btf.KindUnion, btf.KindEnum,
			btf.KindEnum64, btf.KindTypedef, btf.KindFwd} {
			if kind == btf.KindFwd && found {
				continue
			}
			if id, ok := s.spec.FindByName(name, kind); ok {
				ids = append(ids, id)
				found = true
			}
		}
		if !found {
			missing = append(missing, name)
		}
	}
	var errs []error
	for _, name := range missing {
		near := nearest.To(name)
		for spec := s.spec; spec != nil; spec = spec.Base() {
			for t := range spec.Types() {
				switch t.Kind() {
				case btf.KindStruct, btf.KindUnion, btf.KindEnum, btf.KindEnum64,
					btf.KindTypedef:
					near.Offer([]byte(t.Name()))
				}
			}
		}
		errs = append(errs, near.AddTo(fmt.Errorf("%s has no type %q", s.name, name)))
	}
	return ids, errors.Join(errs...)
}

// each iterates over the types asked for: without roots those of the BTF itself, not of its base.
func (s btfSource) each() iter.Seq[btf.Type] {
	if s.roots == nil {
		return s.spec.Types()
	}
	return func(yield func(btf.Type) bool) {
		for _, id := range s.roots {
			if t, ok := s.spec.Type(id); ok && !yield(t) {
				return
			}
		}
	}
}
