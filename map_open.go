package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// OpenMap opens the map that is pinned at path (libbpf bpf_obj_get).
func OpenMap(path string) (*Map, error) {
	fd, err := bpffs.Open(path, bpffs.MapKind)
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

// MapFromID opens the map with that kernel id (libbpf bpf_map_get_fd_by_id; 4.13). Needs
// CAP_SYS_ADMIN.
func MapFromID(id uint32) (*Map, error) {
	fd, err := sys.MapFDByID(id)
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

// CreateMap creates a single map as spec describes it: type, sizes, entries, flags, extra, NUMA
// node and name (libbpf bpf_map_create). The kernel gets the name that uapi.ObjectName returns. BTF
// types, pins, inner map and initial contents of spec are ignored. inner is the template of a map
// of maps, nil for others; it may be closed afterwards.
func CreateMap(spec *object.Map, inner *Map) (*Map, error) {
	if spec == nil {
		return nil, newError(
			"create map", about{}, fmt.Errorf("no map is described: %w", syscall.EINVAL))
	}
	var template uint32
	if inner != nil {
		fd, err := inner.use()
		if err != nil {
			return nil, inner.fail("take for an inner map", err)
		}
		defer inner.release()
		template = uint32(fd)
	}
	created, err := load.CreateMap(spec, template, loadError)
	if err != nil {
		return nil, err
	}
	m := new(Map)
	m.take(created)
	return m, nil
}

// MapInfo is the kernel's information about a map (libbpf bpf_map_get_info_by_fd).
type MapInfo struct {
	ID                             uint32
	Type                           uapi.MapType
	Name                           string // at most 15 characters
	KeySize, ValueSize, MaxEntries uint32
	Flags                          uapi.MapFlags
	Extra                          uint64
	IfIndex                        uint32
	BTFID, KeyTypeID, ValueTypeID  uint32
}

// Info returns the kernel's information about the map.
func (m *Map) Info() (*MapInfo, error) {
	if _, err := m.use(); err != nil {
		return nil, m.fail("inspect map", err)
	}
	defer m.release()
	info, err := kernel.MapInfo(m.fd)
	if err != nil {
		return nil, m.fail("inspect map", err)
	}
	return &MapInfo{
		ID: info.ID, Type: info.Type, Name: info.Name.String(), KeySize: info.KeySize,
		ValueSize:  info.ValueSize,
		MaxEntries: info.MaxEntries, Flags: info.Flags, Extra: info.MapExtra, IfIndex: info.IfIndex,
		BTFID:     info.BTFID,
		KeyTypeID: info.BTFKeyTypeID, ValueTypeID: info.BTFValueTypeID,
	}, nil
}
