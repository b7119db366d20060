package bpf

import (
	"errors"
	"syscall"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Hook is what is attached to one hook of a cgroup, a network namespace, an interface or a map, in the order in which it runs.
type Hook struct {
	Programs []HookedProgram
	Revision uint64 // changes with every attach and detach; 0 before 6.6 and where the kernel keeps none
	Flags    uint32 // of the hook: how programs of a cgroup get along (uapi.FAllowOverride, uapi.FAllowMulti)
}

// HookedProgram is one program of a Hook.
type HookedProgram struct {
	ProgramID uint32
	LinkID    uint32 // of tcx and netkit (6.6), 0: attached without a link. Of other hooks QueryLinks tells them
	Flags     uint32 // it was attached with
}

// QueryCgroup lists what is attached to a cgroup for one attach type (libbpf bpf_prog_query_opts; 4.15). With effective set, also what
// its ancestors have. Needs CAP_NET_ADMIN.
func QueryCgroup(path string, where uapi.AttachType, effective bool) (*Hook, error) {
	var flags uint32
	if effective {
		flags = 1 // BPF_F_QUERY_EFFECTIVE
	}
	return queryFile(path, where, flags)
}

// QueryNetns lists the flow dissector or the sk_lookup programs of a network namespace (5.8). Needs CAP_NET_ADMIN.
func QueryNetns(path string, where uapi.AttachType) (*Hook, error) { return queryFile(path, where, 0) }

// QuerySockMap tells which program is attached to a sockmap or sockhash, with or without a link (5.19).
func QuerySockMap(m *Map, where uapi.AttachType) (*Hook, error) {
	if _, err := m.use(); err != nil {
		return nil, m.fail("query hook of map", err)
	}
	defer m.release()
	return queryHook("map "+m.name, m.fd.Uint32(), where, 0)
}

// QueryInterface lists what is attached to an interface by tcx (6.6) or netkit (6.7). Needs CAP_NET_ADMIN. XDP has QueryXDP.
func QueryInterface(iface string, where uapi.AttachType) (*Hook, error) {
	index, err := interfaceIndex(iface)
	if err != nil {
		return nil, newError("query hook", about{"", iface}, err)
	}
	return queryHook(iface, uint32(index), where, 0)
}

// QueryLinks returns the links of type typ in the kernel, everyone's, in the order of their ids
// (5.8). Needs CAP_SYS_ADMIN.
func QueryLinks(typ uapi.LinkType) ([]*linkinfo.Info, error) {
	var list []*linkinfo.Info
	var errs []error
	for info, err := range linkinfo.All(typ) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, info)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, newError("query links", about{"", "of type " + typ.String()}, err, kernel.CapSysAdmin)
	}
	return list, nil
}

func queryFile(path string, where uapi.AttachType, flags uint32) (*Hook, error) {
	f, err := sys.OpenFile(path)
	if err != nil {
		return nil, newError("query hook", about{}, err)
	}
	defer f.Close()
	return queryHook(path, uint32(f.Int()), where, flags)
}

// mostHooked bounds what the kernel may say of the length of a hook: cgroups and tcx have 64 at most, effective lists that many per
// level.
const mostHooked = 1 << 16

// queryHook asks with more room until everything fits: the hook may grow meanwhile.
func queryHook(what string, target uint32, where uapi.AttachType, flags uint32) (*Hook, error) {
	modern := true
	for n := uint32(16); ; {
		progs, links := make([]uint32, n), make([]uint32, n)
		progFlags := make([]uint32, n)
		a := sys.ProgQueryAttr{Target: target, AttachType: where, QueryFlags: flags, ProgIDs: sys.Slice(progs), Count: n}
		if modern {
			a.LinkIDs = sys.Slice(links)
			a.ProgAttachFlags = sys.Slice(progFlags)
		}
		err := sys.ProgQuery(&a)
		switch {
		case err == syscall.ENOSPC && a.Count > n && a.Count <= mostHooked:
			n = a.Count + 8
			continue
		case (err == syscall.EINVAL || err == syscall.E2BIG) && modern:
			// Older kernels know fewer of the outputs, and newer ones refuse some of them for some hooks.
			modern = false
			continue
		case err != nil:
			return nil, newError("query hook", about{"", what + " " + where.String()}, err, kernel.CapNetAdmin)
		}
		h := &Hook{Revision: a.Revision, Flags: a.AttachFlags}
		for i := range min(a.Count, n) {
			h.Programs = append(h.Programs, HookedProgram{ProgramID: progs[i], LinkID: links[i], Flags: progFlags[i]})
		}
		return h, nil
	}
}
