package inspect

import (
	"errors"
	"io/fs"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// Hook is the list of programs attached to one hook of a cgroup, a network namespace, an interface
// or a map, in the order in which they run.
type Hook struct {
	Programs []HookedProgram
	// Revision changes with every attach and detach; 0 before 6.6 and where the kernel keeps none.
	Revision uint64
	// Flags say how programs of a cgroup share the hook (uapi.FAllowOverride, uapi.FAllowMulti).
	Flags uapi.AttachFlags
}

// HookedProgram is one program of a Hook.
type HookedProgram struct {
	ProgramID uint32
	// LinkID is the id of the link, for tcx and netkit (6.6); 0 if the program is attached without
	// a link. For other hooks see Links.
	LinkID uint32
	Flags  uapi.AttachFlags // flags of the attachment
}

// Cgroup lists the programs attached to the cgroup with that path for one attach type (libbpf
// bpf_prog_query_opts; 4.15). Needs CAP_NET_ADMIN.
func Cgroup(path string, where uapi.AttachType) (*Hook, error) { return file(path, where, 0) }

// CgroupEffective lists the programs that run in a cgroup for one attach type: those attached to it
// and to its ancestors (BPF_F_QUERY_EFFECTIVE; 4.15). Needs CAP_NET_ADMIN.
func CgroupEffective(path string, where uapi.AttachType) (*Hook, error) {
	return file(path, where, uapi.FQueryEffective)
}

// Netns lists the flow dissector or the sk_lookup programs of the network namespace with that path
// (5.8); kernel.ThreadNetns is the calling thread's. Needs CAP_NET_ADMIN.
func Netns(path string, where uapi.AttachType) (*Hook, error) { return file(path, where, 0) }

// LIRC lists the programs of an infrared receiver, /dev/lircN (4.18).
func LIRC(path string) (*Hook, error) { return file(path, uapi.AttachLIRCMode2, 0) }

// Interface lists the programs attached to a network interface by tcx (6.6) or netkit (6.7). The
// interface is named as in package bpf. XDP lists XDP programs, tc.Hook.Filters those of classic
// TC. Needs CAP_NET_ADMIN.
func Interface(iface string, where uapi.AttachType) (*Hook, error) {
	h, err := hooks.QueryInterface(iface, where)
	return hook(iface, where, h, err)
}

// SockMap lists the program that is attached to a sockmap or sockhash, with or without a link
// (5.19).
func SockMap(m *bpf.Map, where uapi.AttachType) (*Hook, error) {
	var list *Hook
	err := m.UseFD(func(fd int) error {
		h, err := hooks.Query(uint32(fd), where, 0)
		list, err = hook("map "+m.Name(), where, h, err)
		return err
	})
	return list, err
}

func file(path string, where uapi.AttachType, flags uapi.QueryFlags) (*Hook, error) {
	h, err := hooks.QueryFile(path, where, flags)
	return hook(path, where, h, err)
}

// hook converts a query's answer about the hook of that name.
func hook(name string, where uapi.AttachType, h *hooks.Hook, err error) (*Hook, error) {
	var unopened *fs.PathError
	switch {
	case errors.As(err, &unopened):
		return nil, failed("query hook", "", err) // err names the path
	case err != nil:
		return nil, failed("query hook", name+" "+where.String(), err, kernel.CapNetAdmin)
	}
	list := &Hook{Revision: h.Revision, Flags: h.Flags}
	for _, p := range h.Programs {
		list.Programs = append(list.Programs,
			HookedProgram{ProgramID: p.ID, LinkID: p.LinkID, Flags: p.Flags})
	}
	return list, nil
}
