// Package hooks asks the kernel which programs are attached to a hook.
package hooks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Hook is what is attached to one hook of a cgroup, a network namespace, an interface or a map, in
// the order in which it runs.
type Hook struct {
	Programs []Program
	Revision uint64           // changes with every attach and detach; 0 where the kernel keeps none
	Flags    uapi.AttachFlags // how programs of a cgroup share the hook
}

// Program is one program of a Hook.
type Program struct {
	ID     uint32
	LinkID uint32           // of tcx and netkit; 0: attached without a link. Other hooks don't say
	Flags  uapi.AttachFlags // that it was attached with
}

// mostPrograms limits the length of a hook that is believed: cgroups and tcx have 64 programs at
// most, effective lists that many for each level.
const mostPrograms = 1 << 16

// Query asks for the programs of a hook: target is a descriptor or the index of an interface, as
// the attach type wants. It asks with more room until everything fits, as the hook may grow
// meanwhile.
func Query(target uint32, where uapi.AttachType, flags uapi.QueryFlags) (*Hook, error) {
	modern := true
	for n := uint32(16); ; {
		progs, links := make([]uint32, n), make([]uint32, n)
		progFlags := make([]uapi.AttachFlags, n)
		a := sys.ProgQueryAttr{
			Target: target, AttachType: where, QueryFlags: flags, ProgIDs: sys.Slice(progs),
			Count: n,
		}
		if modern {
			a.LinkIDs = sys.Slice(links)
			a.ProgAttachFlags = sys.Slice(progFlags)
		}
		err := sys.ProgQuery(&a)
		switch {
		case err == syscall.ENOSPC && a.Count > n && a.Count <= mostPrograms:
			n = a.Count + 8
			continue
		case (err == syscall.EINVAL || err == syscall.E2BIG) && modern:
			// Older kernels know fewer of the outputs, and newer ones refuse some of them for some
			// hooks.
			modern = false
			continue
		case err != nil:
			return nil, err
		}
		h := &Hook{Revision: a.Revision, Flags: a.AttachFlags}
		for i := range min(a.Count, n) {
			h.Programs = append(h.Programs, Program{progs[i], links[i], progFlags[i]})
		}
		return h, nil
	}
}

// QueryFile is Query for a hook that a file stands for: a cgroup, a network namespace, a device.
func QueryFile(path string, where uapi.AttachType, flags uapi.QueryFlags) (*Hook, error) {
	f, err := sys.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Query(uint32(f.Int()), where, flags)
}

// QueryInterface is Query for a hook of an interface, by its name.
func QueryInterface(iface string, where uapi.AttachType) (*Hook, error) {
	index, err := rtnl.Interface(iface)
	if err != nil {
		return nil, err
	}
	return Query(uint32(index), where, 0)
}

// QueryXDP returns the XDP programs of an interface in all modes.
func QueryXDP(ifindex int) (*Hook, error) {
	state, err := rtnl.XDPQuery(ifindex)
	if err != nil {
		return nil, err
	}
	h := &Hook{}
	for _, id := range [...]uint32{state.HWProgID, state.DrvProgID, state.SKBProgID} {
		if id != 0 {
			h.Programs = append(h.Programs, Program{ID: id})
		}
	}
	if len(h.Programs) == 0 && state.ProgID != 0 { // a kernel that doesn't tell modes apart
		h.Programs = []Program{{ID: state.ProgID}}
	}
	return h, nil
}

// Has reports whether the program with that kernel id is attached.
func (h *Hook) Has(id uint32) bool {
	return slices.ContainsFunc(h.Programs, func(p Program) bool { return p.ID == id })
}

// Occupants names the programs: "program 12 (count) is", "programs 12 (count), 14 (drop) and 5 more
// are".
func (h *Hook) Occupants() string {
	const most = 4
	var names []string
	for _, p := range h.Programs[:min(most, len(h.Programs))] {
		names = append(names, Label(p.ID))
	}
	list := strings.Join(names, ", ")
	if more := len(h.Programs) - most; more > 0 {
		list += " and " + strconv.Itoa(more) + " more"
	}
	if len(h.Programs) == 1 {
		return "program " + list + " is"
	}
	return "programs " + list + " are"
}

// Detachment says how to detach the program of the hook, if it has one program and that has one
// link.
func (h *Hook) Detachment() string {
	if len(h.Programs) != 1 {
		return ""
	}
	p := h.Programs[0]
	if p.LinkID == 0 {
		for info, err := range linkinfo.All(uapi.LinkUnspec) {
			if err != nil || info.ProgramID != p.ID {
				continue
			}
			if p.LinkID != 0 {
				return ""
			}
			p.LinkID = info.ID
		}
	}
	if p.LinkID == 0 {
		return ""
	}
	return fmt.Sprintf(" and has link %d, which bpf detach %[1]d takes away for all", p.LinkID)
}

// Label is a program's kernel id and, where this process may ask, its name.
func Label(program uint32) string {
	id := strconv.FormatUint(uint64(program), 10)
	fd, err := sys.ProgFDByID(program)
	if err != nil {
		return id
	}
	defer fd.Close()
	info, err := sys.ProgInfoByFD(fd.Int())
	if err != nil || info.Name.String() == "" {
		return id
	}
	return id + " (" + info.Name.String() + ")"
}
