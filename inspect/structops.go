package inspect

import (
	"fmt"

	"github.com/purebpf/bpf/internal/structops"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// RegisteredStructOps is a struct_ops map that the kernel uses.
type RegisteredStructOps struct {
	MapID uint32
	Name  string // of the map
	// Type is the kernel's struct, such as "tcp_congestion_ops"; "" if it is a module's or the
	// kernel's BTF can't be read.
	Type   string
	LinkID uint32 // 0: registered without a link, and it stays without a process that holds it
}

// String returns which map it is and by which link it is registered.
func (r RegisteredStructOps) String() string { return structops.Registered(r).String() }

// StructOps lists the struct_ops maps that are registered with the kernel, everyone's, by map id
// (5.6). Those without a link may be leftovers of a process that was killed, or are meant to stay,
// as bpftool struct_ops register makes them: the kernel doesn't say. UnregisterStructOps removes
// one. Needs CAP_SYS_ADMIN.
func StructOps() ([]RegisteredStructOps, error) {
	found, err := structops.List(func(*sys.MapInfo) bool { return true })
	if err != nil {
		return nil, failed("query struct_ops", "", err, kernel.CapSysAdmin)
	}
	var list []RegisteredStructOps
	for _, r := range found {
		list = append(list, RegisteredStructOps(r))
	}
	return list, nil
}

// UnregisterStructOps unregisters the struct_ops map with that kernel id, which is registered
// without a link, whoever registered it (bpftool struct_ops unregister; 5.6): a process that is
// killed before it closes its Link leaves it behind, and no other map has its id. bpf.ErrNotExist
// if there is no such map or it isn't registered; EINVAL if it is no struct_ops map;
// bpf.ErrNotSupported if it has a link, which bpf.LinkFromID and Detach remove. Needs
// CAP_SYS_ADMIN.
func UnregisterStructOps(mapID uint32) error {
	err := structops.Unregister(mapID)
	if err == nil {
		return nil
	}
	subject := fmt.Sprintf("with id %d", mapID)
	return failed("unregister struct_ops map", subject, err, kernel.CapSysAdmin)
}
