package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// RegisteredStructOps is a struct_ops map that the kernel uses.
type RegisteredStructOps struct {
	MapID  uint32
	Name   string // of the map
	Type   string // of the kernel's struct: "tcp_congestion_ops"; "" if it is a module's or the kernel's BTF can't be read
	LinkID uint32 // 0: registered without a link, which nobody has to hold for it to stay
}

// String says which map it is and by which link it is registered.
func (r RegisteredStructOps) String() string {
	how := "without a link"
	if r.LinkID != 0 {
		how = fmt.Sprintf("by link %d", r.LinkID)
	}
	return fmt.Sprintf("map %d (%s) %s", r.MapID, printable.Text(r.Name), how)
}

// QueryStructOps lists the struct_ops maps that are registered with the kernel, everyone's, by map id (5.6). Those without a link may be
// leftovers of a process that was killed, or are meant to stay, as bpftool struct_ops register makes them: the kernel doesn't tell.
// UnregisterStructOps takes one away. Needs CAP_SYS_ADMIN.
func QueryStructOps() ([]RegisteredStructOps, error) {
	list, err := queryStructOps(func(*sys.MapInfo) bool { return true })
	if err != nil {
		return nil, newError("query struct_ops", about{}, err, kernel.CapSysAdmin)
	}
	return list, nil
}

// queryStructOps lists the registered struct_ops maps that wanted says yes to.
func queryStructOps(wanted func(*sys.MapInfo) bool) ([]RegisteredStructOps, error) {
	links, err := structOpsLinks()
	if err != nil {
		return nil, err
	}
	var list []RegisteredStructOps
	for id := uint32(0); ; {
		next, err := sys.MapNextID(id)
		if errors.Is(err, ErrNotExist) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		id = next
		r, err := registeredStructOps(id, links[id], wanted)
		if err != nil {
			return nil, err
		}
		if r != nil {
			list = append(list, *r)
		}
	}
}

// structOpsInUse is BPF_STRUCT_OPS_STATE_INUSE: registered, without a link.
const structOpsInUse = 1

// registeredStructOps looks at the map with that id, nil if it is none that is registered and wanted.
func registeredStructOps(id, link uint32, wanted func(*sys.MapInfo) bool) (*RegisteredStructOps, error) {
	fd, err := sys.MapFDByID(id)
	if errors.Is(err, ErrNotExist) {
		return nil, nil // closed meanwhile
	}
	if err != nil {
		return nil, err
	}
	defer fd.Close()
	info, err := sys.MapInfoByFD(fd.Int())
	if err != nil || info.Type != uapi.MapStructOps || !wanted(info) {
		return nil, err
	}
	if link == 0 {
		state, err := structOpsState(fd, info)
		if err != nil || state != structOpsInUse {
			return nil, err
		}
	}
	return &RegisteredStructOps{MapID: id, Name: info.Name.String(), Type: structOpsType(info), LinkID: link}, nil
}

// structOpsState reads enum bpf_struct_ops_state, the second word of the value of every such map.
func structOpsState(fd *sys.FD, info *sys.MapInfo) (uint32, error) {
	value := make([]byte, max(info.ValueSize, 8))
	var key uint32
	if err := sys.MapLookup(fd.Int(), unsafe.Pointer(&key), unsafe.Pointer(unsafe.SliceData(value)), 0); err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint32(value[4:]), nil
}

// structOpsType names the kernel's struct, whose value type in the kernel's BTF is called "bpf_struct_ops_NAME".
func structOpsType(info *sys.MapInfo) string {
	spec, err := kernel.Running().BTF()
	if err != nil {
		return ""
	}
	t, ok := spec.Type(btf.ID(info.BTFVmlinuxValueTypeID))
	if !ok {
		return ""
	}
	return strings.TrimPrefix(t.Name(), "bpf_struct_ops_")
}

// structOpsLinks returns the ids of links to struct_ops maps, by map id.
func structOpsLinks() (map[uint32]uint32, error) {
	links := map[uint32]uint32{}
	for info, err := range linkinfo.All(uapi.LinkStructOps) {
		if err != nil {
			return nil, err
		}
		if d, ok := info.Detail.(*linkinfo.StructOps); ok {
			links[d.MapID] = info.ID
		}
	}
	return links, nil
}

// UnregisterStructOps takes away the struct_ops map with that kernel id, which is registered without a link, whoever registered it
// (bpftool struct_ops unregister; 5.6): a process that is killed before it closes its Link leaves it behind, and no other map has its id.
// ErrNotExist if there is no such map or it isn't registered; EINVAL if it is no struct_ops map; ErrNotSupported if it has a link, which
// LinkFromID and Detach take away. Needs CAP_SYS_ADMIN.
func UnregisterStructOps(mapID uint32) error {
	err := unregisterStructOps(mapID)
	if err == nil {
		return nil
	}
	a := attempt{op: opUnregister, need: []kernel.Capability{kernel.CapSysAdmin}, id: mapID}
	return a.fail("unregister struct_ops map", withID(mapID), err)
}

func unregisterStructOps(mapID uint32) error {
	fd, err := sys.MapFDByID(mapID)
	if err != nil {
		return err
	}
	defer fd.Close()
	info, err := sys.MapInfoByFD(fd.Int())
	if err != nil {
		return err
	}
	if info.Type != uapi.MapStructOps {
		return fmt.Errorf("it is a map of type %v: %w", info.Type, syscall.EINVAL)
	}
	var key uint32
	err = sys.MapDeleteWait(fd.Int(), unsafe.Pointer(&key), 0)
	if errors.Is(err, ErrNotExist) {
		return fmt.Errorf("it is not registered: %w", err)
	}
	return err
}
