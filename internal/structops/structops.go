// Package structops lists and unregisters the struct_ops maps that the kernel uses.
package structops

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/hint"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Registered is a struct_ops map that the kernel uses.
type Registered struct {
	MapID  uint32
	Name   string // of the map
	Type   string // of the kernel's struct; "" if it is a module's or the kernel's BTF can't be read
	LinkID uint32 // 0: registered without a link
}

// String returns which map it is and by which link it is registered.
func (r Registered) String() string {
	how := "without a link"
	if r.LinkID != 0 {
		how = fmt.Sprintf("by link %d", r.LinkID)
	}
	return fmt.Sprintf("map %d (%s) %s", r.MapID, printable.Text(r.Name), how)
}

// List returns the registered maps for which wanted returns true, by map id.
func List(wanted func(*sys.MapInfo) bool) ([]Registered, error) {
	links, err := links()
	if err != nil {
		return nil, err
	}
	var list []Registered
	for id, err := range sys.IDs(sys.MapNextID) {
		if err != nil {
			return nil, err
		}
		r, err := registered(id, links[id], wanted)
		if err != nil {
			return nil, err
		}
		if r != nil {
			list = append(list, *r)
		}
	}
	return list, nil
}

// inUse is BPF_STRUCT_OPS_STATE_INUSE: registered, without a link.
const inUse = 1

// registered returns the map with that id, nil unless it is registered and wanted.
func registered(id, link uint32, wanted func(*sys.MapInfo) bool) (*Registered, error) {
	fd, err := sys.MapFDByID(id)
	if errors.Is(err, fs.ErrNotExist) {
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
		state, err := state(fd, info)
		if err != nil || state != inUse {
			return nil, err
		}
	}
	return &Registered{MapID: id, Name: info.Name.String(), Type: TypeName(info), LinkID: link}, nil
}

// state reads enum bpf_struct_ops_state, the second word of the value of every such map.
func state(fd *sys.FD, info *sys.MapInfo) (uint32, error) {
	value := make([]byte, max(info.ValueSize, 8))
	var key uint32
	err := sys.MapLookup(fd.Int(), unsafe.Pointer(&key), unsafe.Pointer(unsafe.SliceData(value)), 0)
	if err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint32(value[4:]), nil
}

// TypeName returns the name of the kernel's struct, whose value type in the kernel's BTF is called
// "bpf_struct_ops_NAME".
func TypeName(info *sys.MapInfo) string {
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

// links returns the ids of links to struct_ops maps, by map id.
func links() (map[uint32]uint32, error) {
	ids := map[uint32]uint32{}
	for info, err := range linkinfo.All(uapi.LinkStructOps) {
		if err != nil {
			return nil, err
		}
		if d, ok := info.Detail.(*linkinfo.StructOps); ok {
			ids[d.MapID] = info.ID
		}
	}
	return ids, nil
}

// Unregister unregisters the map with that id, which is registered without a link. fs.ErrNotExist
// if there is no such map or it isn't registered; EINVAL if it is no struct_ops map;
// errors.ErrUnsupported, with the link as a hint, if it has one.
func Unregister(mapID uint32) error {
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
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("it is not registered: %w", err)
	case errors.Is(err, errors.ErrUnsupported):
		if ids, linksErr := links(); linksErr == nil && ids[mapID] != 0 {
			return hint.Add(err, fmt.Sprintf("it is registered by link %d", ids[mapID]))
		}
	}
	return err
}
