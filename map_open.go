package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/objinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// OpenMap opens the map that is pinned at path (libbpf bpf_obj_get_opts). With uapi.FOpenRdonly
// elements can be looked up but not changed, which needs only read permission for the file; with
// uapi.FOpenWronly the reverse. What the flag excludes fails with ErrPermission.
func OpenMap(path string, flags uapi.OpenFlags) (*Map, error) {
	fd, err := bpffs.OpenFlags(path, bpffs.MapKind, flags)
	if err != nil {
		return nil, newError("open pinned map", about{"", path}, err)
	}
	m, err := mapOf(fd)
	if err != nil {
		return nil, newError("open pinned map", about{"", path}, err)
	}
	m.pinPath, m.pinned = path, true
	return m, nil
}

// MapFromID opens the map with that kernel id, with the flags of OpenMap (libbpf
// bpf_map_get_fd_by_id_opts; 4.13). Needs CAP_SYS_ADMIN.
func MapFromID(id uint32, flags uapi.OpenFlags) (*Map, error) {
	fd, err := sys.MapFDByIDFlags(id, flags)
	if err != nil {
		return nil, newError("open map", withID(id), err, kernel.CapSysAdmin)
	}
	m, err := mapOf(fd)
	if err != nil {
		return nil, newError("open map", withID(id), err, kernel.CapSysAdmin)
	}
	return m, nil
}

// MapFromFD returns a Map for a descriptor, which it duplicates: the caller still owns fd. EINVAL
// if fd isn't the descriptor of a map.
func MapFromFD(fd int) (*Map, error) {
	own, err := bpffs.Dup(fd, bpffs.MapKind)
	if err != nil {
		return nil, newError("open map", withFD(fd), err)
	}
	m, err := mapOf(own)
	if err != nil {
		return nil, newError("open map", withFD(fd), err)
	}
	return m, nil
}

// mapOf takes ownership of fd.
func mapOf(fd *sys.FD) (*Map, error) {
	opened, err := load.Opened(fd)
	if err != nil {
		return nil, err
	}
	m := new(Map)
	m.take(opened)
	return m, nil
}

// MapOptions is what CreateMap needs beyond the description of the map.
type MapOptions struct {
	Inner *Map // template of a map of maps; it may be closed afterwards
	// BTF has the description's KeyType and ValueType, which storage maps and values with a
	// bpf_spin_lock, bpf_timer and the like need. It is loaded unless BTFFD is given, the descriptor
	// of the same BTF.
	BTF   *btf.Spec
	BTFFD BorrowedFD
	// KernelValueType is the type of a struct_ops value in the BTF of the kernel, or of a module.
	KernelValueType btf.ID
	ModuleBTFFD     BorrowedFD // 6.9
	TokenFD         BorrowedFD // BPF token (6.9)
	ExclusiveHash   []byte     // SHA-256 of the only program that may use the map (6.18)
}

// CreateMap creates a single map as spec describes it: type, sizes, entries, flags, extra, NUMA
// node, interface, name and, with opts, BTF types (libbpf bpf_map_create). The kernel gets the name
// that uapi.ObjectName returns. Pins, inner map and initial contents of spec are ignored, and BTF
// types if opts have no BTF. If the kernel writes a log about a map that it refuses, the error has
// it. opts may be nil.
func CreateMap(spec *object.Map, opts *MapOptions) (*Map, error) {
	if spec == nil {
		return nil, newError(
			"create map", about{}, fmt.Errorf("no map is described: %w", syscall.EINVAL))
	}
	if opts == nil {
		opts = &MapOptions{}
	}
	extra := load.Single{
		BTF: opts.BTF, BTFFD: uint32(opts.BTFFD), KernelValueType: opts.KernelValueType,
		ModuleBTFFD: int32(opts.ModuleBTFFD), TokenFD: int32(opts.TokenFD),
		ExclusiveHash: opts.ExclusiveHash,
	}
	if opts.Inner != nil {
		fd, err := opts.Inner.use()
		if err != nil {
			return nil, opts.Inner.fail("take for an inner map", err)
		}
		defer opts.Inner.release()
		extra.InnerFD = uint32(fd)
	}
	created, err := load.CreateMap(spec, &extra, loadError)
	if err != nil {
		return nil, err
	}
	m := new(Map)
	m.take(created)
	if opts.BTF != nil {
		m.btf, m.keyType, m.valueType = opts.BTF, spec.KeyType, spec.ValueType
	}
	return m, nil
}

// ReadTypes reads the BTF that the map was created with from the kernel, so that BTF, KeyType and
// ValueType return it and MapOf checks types field by field: for maps that were not made by this
// process's load. ErrNotExist if the map was created without BTF. It must not run concurrently with
// other methods. Needs CAP_SYS_ADMIN.
func (m *Map) ReadTypes() error {
	if _, err := m.use(); err != nil {
		return m.fail("read types of map", err)
	}
	defer m.release()
	spec, info, err := load.MapTypes(m.fd)
	if err != nil {
		return newError("read types of map", m.about(), err, kernel.CapSysAdmin)
	}
	m.btf, m.keyType, m.valueType = spec, btf.ID(info.BTFKeyTypeID), btf.ID(info.BTFValueTypeID)
	return nil
}

// Mmap maps the memory of a map that was opened or created alone, for Memory and MemoryOf: an array
// with uapi.FMmapable (5.5), or an arena (6.9). ErrPermission if writable is true and the map is
// frozen or read-only; EINVAL from today's kernels for maps opened with uapi.FOpenRdonly. It must
// not run concurrently with other methods.
func (m *Map) Mmap(writable bool) error {
	if _, err := m.use(); err != nil {
		return m.fail("map memory of", err)
	}
	defer m.release()
	if m.memory != nil {
		return m.fail("map memory of", fmt.Errorf("it is mapped already: %w", ErrExist))
	}
	memory, err := load.MapMemory(m.fd, writable)
	if err != nil {
		return m.fail("map memory of", err)
	}
	m.memory, m.writable = memory, writable
	return nil
}

// Info returns the kernel's information about the map.
func (m *Map) Info() (*objinfo.Map, error) {
	if _, err := m.use(); err != nil {
		return nil, m.fail("inspect map", err)
	}
	defer m.release()
	info, err := objinfo.ReadMap(m.fd)
	if err != nil {
		return nil, m.fail("inspect map", err)
	}
	return info, nil
}
