package maps

import (
	"errors"
	"io/fs"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/objinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// target is a map whose elements a command reads or changes.
type target struct {
	*bpf.Map
	info *objinfo.Map
	// spec has the types of keys and values; it is nil if they are unknown, and a type is 0.
	spec       *btf.Spec
	key, value btf.ID
}

// open takes MAP and opens it. The caller closes it.
func open(r *tool.Run, flags uapi.OpenFlags) (*target, error) {
	m, err := r.OpenMap(flags)
	if err != nil {
		return nil, err
	}
	t, err := describe(r, m)
	if err != nil {
		m.Close()
	}
	return t, err
}

// describe reads the types of a map. If that fails the elements are bytes.
func describe(r *tool.Run, m *bpf.Map) (*target, error) {
	info, err := m.Info()
	if err != nil {
		return nil, err
	}
	t := &target{Map: m, info: info}
	switch {
	case info.KernelValueTypeID != 0:
		t.spec, err = kernelTypes(info.KernelBTFID)
		t.value = btf.ID(info.KernelValueTypeID)
	case info.BTFID != 0:
		err = m.ReadTypes()
		t.spec, t.key, t.value = m.BTF(), m.KeyType(), m.ValueType()
	}
	if err != nil {
		r.Info("map %s: its types can't be read, so elements are bytes: %v", m.Name(), err)
		t.spec = nil
	}
	if t.spec == nil || t.value == 0 {
		t.spec, t.key, t.value = nil, 0, 0
	}
	return t, nil
}

// kernelTypes returns the BTF of the kernel or of the module whose BTF object has that id.
func kernelTypes(id uint32) (*btf.Spec, error) {
	if id == 0 {
		return kernel.Running().BTF()
	}
	fd, err := sys.BTFFDByID(id)
	if err != nil {
		return nil, err
	}
	defer fd.Close()
	_, name, err := sys.NamedBTFInfoByFD(fd.Int())
	if err != nil {
		return nil, err
	}
	if name == "vmlinux" {
		return kernel.Running().BTF()
	}
	spec, err := kernel.Running().ModuleBTF(name)
	if errors.Is(err, fs.ErrNotExist) {
		return kernel.Running().BTF()
	}
	return spec, err
}

// cpus returns the number of values of an element, and their distance.
func (t *target) cpus() (n, stride int) {
	size := t.ValueSize()
	if !perCPU(t.Type()) || size == 0 {
		return 1, size
	}
	stride = (size + 7) &^ 7
	return t.ValueLen() / stride, stride
}

// perCPU reports whether elements have a value for each CPU.
func perCPU(typ uapi.MapType) bool {
	switch typ {
	case uapi.MapPerCPUHash, uapi.MapPerCPUArray, uapi.MapLRUPerCPUHash,
		uapi.MapPerCPUCgroupStorage:
		return true
	}
	return false
}

// ofMaps reports whether values are maps.
func ofMaps(typ uapi.MapType) bool {
	return typ == uapi.MapArrayOfMaps || typ == uapi.MapHashOfMaps
}
