package objinfo

import (
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Map is the kernel's information about a map (libbpf bpf_map_get_info_by_fd).
type Map struct {
	ID                             uint32
	Type                           uapi.MapType
	Name                           string // at most 15 characters
	KeySize, ValueSize, MaxEntries uint32
	Flags                          uapi.MapFlags
	Extra                          uint64
	IfIndex                        uint32
	BTFID, KeyTypeID, ValueTypeID  uint32
	// KernelBTFID and KernelValueTypeID are the BTF object and the type of a struct_ops map's value.
	KernelBTFID, KernelValueTypeID uint32
	NetnsDev, NetnsIno             uint64 // of the network namespace of IfIndex
}

// ReadMap describes the map with descriptor fd, which the caller still owns. Before 4.13 the kernel
// tells only the type, sizes, entries and flags.
func ReadMap(fd *sys.FD) (*Map, error) {
	info, err := kernel.MapInfo(fd)
	if err != nil {
		return nil, err
	}
	return &Map{
		ID: info.ID, Type: info.Type, Name: info.Name.String(),
		KeySize: info.KeySize, ValueSize: info.ValueSize, MaxEntries: info.MaxEntries,
		Flags: info.Flags, Extra: info.MapExtra, IfIndex: info.IfIndex,
		BTFID: info.BTFID, KeyTypeID: info.BTFKeyTypeID, ValueTypeID: info.BTFValueTypeID,
		KernelBTFID: info.BTFVmlinuxID, KernelValueTypeID: info.BTFVmlinuxValueTypeID,
		NetnsDev: info.NetnsDev, NetnsIno: info.NetnsIno,
	}, nil
}
