package bpf

import (
	"os"
	"syscall"

	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Hook is what is attached to one hook of a cgroup, a network namespace or an interface, in the order in which it runs.
type Hook struct {
	Programs []HookedProgram
	Revision uint64 // changes with every attach and detach; 0 before 6.6 and where the kernel keeps none
	Flags    uint32 // of the hook: how programs of a cgroup get along (uapi.FAllowOverride, uapi.FAllowMulti)
}

// HookedProgram is one program of a Hook.
type HookedProgram struct {
	ProgramID uint32
	LinkID    uint32 // 0: attached without a link, or a kernel before 6.6
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

// QueryInterface lists what is attached to an interface by tcx (6.6) or netkit (6.7). Needs CAP_NET_ADMIN. XDP has QueryXDP.
func QueryInterface(iface string, where uapi.AttachType) (*Hook, error) {
	index, err := interfaceIndex(iface)
	if err != nil {
		return nil, &Error{Op: "query hook", Subject: iface, Err: err}
	}
	return queryHook(iface, uint32(index), where, 0)
}

func queryFile(path string, where uapi.AttachType, flags uint32) (*Hook, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{Op: "query hook", Err: err}
	}
	defer f.Close()
	return queryHook(path, uint32(f.Fd()), where, flags)
}

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
		case err == syscall.ENOSPC && a.Count > n:
			n = a.Count + 8
			continue
		case err != nil && modern:
			// Older kernels know fewer of the outputs, and newer ones refuse some of them for some hooks.
			modern = false
			continue
		case err != nil:
			return nil, &Error{Op: "query hook", Subject: what + " " + where.String(), Err: err, Hint: permissionHint(err)}
		}
		h := &Hook{Revision: a.Revision, Flags: a.AttachFlags}
		for i := range min(a.Count, n) {
			h.Programs = append(h.Programs, HookedProgram{ProgramID: progs[i], LinkID: links[i], Flags: progFlags[i]})
		}
		return h, nil
	}
}
