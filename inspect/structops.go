package inspect

import (
	"fmt"

	"github.com/purebpf/bpf/internal/structops"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// RegisteredStructOps is a registered struct_ops map.
type RegisteredStructOps struct {
	MapID uint32
	Name  string // of the map
	// Type is the kernel's struct, such as "tcp_congestion_ops"; "" if it is a module's or the
	// kernel's BTF can't be read.
	Type   string
	LinkID uint32 // 0: registered without a link; stays registered without a process that holds it
}

// String returns the map and the link by which it is registered.
func (r RegisteredStructOps) String() string { return structops.Registered(r).String() }

// StructOps lists the struct_ops maps that are registered with the kernel, whoever registered them,
// by map id (5.6). Those without a link may be leftovers of a process that was killed, or
// registered permanently, as by bpftool struct_ops register: the kernel doesn't distinguish them.
// UnregisterStructOps removes one. Needs CAP_SYS_ADMIN.
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
// without a link, whoever registered it (bpftool struct_ops unregister; 5.6). A process that is
// killed before it closes its Link leaves such a map behind, and no other map has its id.
// bpf.ErrNotExist if there is no such map or it isn't registered; EINVAL if it isn't a struct_ops
// map; bpf.ErrNotSupported if it has a link, which bpf.LinkFromID and Detach remove. Needs
// CAP_SYS_ADMIN.
func UnregisterStructOps(mapID uint32) error {
	err := structops.Unregister(mapID)
	if err == nil {
		return nil
	}
	subject := fmt.Sprintf("with id %d", mapID)
	return failed("unregister struct_ops map", subject, err, kernel.CapSysAdmin)
}
