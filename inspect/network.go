package inspect

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// Network is what is attached to the interfaces of the calling thread's network namespace, and to
// the namespace itself.
type Network struct {
	Interfaces    []NetworkInterface // by index, also those that have no programs
	FlowDissector []HookedProgram
	SKLookup      []HookedProgram
}

// NetworkInterface is what is attached to a network interface.
type NetworkInterface struct {
	Index   int
	Name    string
	XDP     []XDPProgram
	Hooks   []InterfaceHook // of tcx and netkit, those that have programs
	Filters []ClassicFilter // of classic TC
}

// XDPProgram is an XDP program of an interface.
type XDPProgram struct {
	Mode      bpf.XDPMode
	ProgramID uint32
}

// InterfaceHook is a hook of tcx or netkit with its programs.
type InterfaceHook struct {
	Where uapi.AttachType
	Hook
}

// ClassicFilter is a BPF filter of classic TC.
type ClassicFilter struct {
	// Place is the kind of the queueing discipline to which the filter belongs, "root" for the
	// interface itself, "clsact/ingress" or "clsact/egress".
	Place     string
	Parent    uint32 // handle of the class or queueing discipline
	Handle    uint32
	Priority  uint16
	Name      string // as tc(8) shows it
	ProgramID uint32
	Actions   []ClassicAction
}

// ClassicAction is a BPF action of a filter of classic TC.
type ClassicAction struct {
	Name      string
	ProgramID uint32
}

// ReadNetwork finds what is attached to an interface, named as in package bpf, and to its network
// namespace; with "" to all interfaces (bpftool net show; XDP 4.8, classic TC 4.10, flow dissector
// 4.20, tcx 6.6, netkit 6.7). Links to netfilter, which aren't of an interface, are listed by
// Links. An interface that is removed meanwhile may be missing. Needs CAP_NET_ADMIN.
func ReadNetwork(iface string) (*Network, error) {
	only := 0
	if iface != "" {
		index, err := rtnl.Interface(iface)
		if err != nil {
			return nil, failed("read network attachments of", iface, err)
		}
		only = index
	}
	links, err := rtnl.Links()
	if err != nil {
		return nil, failed("list network interfaces", "", err)
	}
	qdiscs, err := rtnl.TCQdiscs()
	if err != nil && !errors.Is(err, syscall.EOPNOTSUPP) { // a kernel without NET_SCHED
		return nil, failed("list queueing disciplines", "", err)
	}
	n := &Network{}
	for _, link := range links {
		if only != 0 && link.Index != only {
			continue
		}
		i, err := networkInterface(link, qdiscs)
		if errors.Is(err, syscall.ENODEV) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, failed("read network attachments of", link.Name, err, kernel.CapNetAdmin)
		}
		n.Interfaces = append(n.Interfaces, *i)
	}
	for _, at := range [...]struct {
		where uapi.AttachType
		to    *[]HookedProgram
	}{{uapi.AttachFlowDissector, &n.FlowDissector}, {uapi.AttachSKLookup, &n.SKLookup}} {
		h, err := Netns(kernel.ThreadNetns, at.where)
		switch {
		case err == nil:
			*at.to = h.Programs
		case !errors.Is(err, syscall.EINVAL): // a kernel without that query
			return nil, err
		}
	}
	return n, nil
}

// interfaceHooks are the hooks of tcx and netkit, in bpftool's order.
var interfaceHooks = [...]uapi.AttachType{
	uapi.AttachTCXIngress, uapi.AttachTCXEgress, uapi.AttachNetkitPrimary, uapi.AttachNetkitPeer,
}

// networkInterface finds what is attached to an interface.
func networkInterface(link rtnl.Link, qdiscs []rtnl.TCClass) (*NetworkInterface, error) {
	i := &NetworkInterface{Index: link.Index, Name: link.Name, XDP: xdpPrograms(&link.XDP)}
	for _, where := range interfaceHooks {
		h, err := hooks.Query(uint32(link.Index), where, 0)
		if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENXIO) ||
			errors.Is(err, syscall.EACCES) {
			continue // a kernel, an interface or an end of a netkit pair without the hook
		}
		list, err := hook(link.Name, where, h, err)
		if err != nil {
			return nil, err
		}
		if len(list.Programs) > 0 {
			i.Hooks = append(i.Hooks, InterfaceHook{where, *list})
		}
	}
	classes, err := rtnl.TCClasses(link.Index)
	if err != nil && !errors.Is(err, syscall.EOPNOTSUPP) {
		return nil, fmt.Errorf("classes: %w", err)
	}
	for _, q := range qdiscs {
		if q.IfIndex == link.Index {
			classes = append(classes, q)
		}
	}
	places := classes
	// An ingress qdisc returns its filters whichever of these it is asked for.
	if !slices.ContainsFunc(classes, func(c rtnl.TCClass) bool { return c.Kind == "ingress" }) {
		places = append(places,
			rtnl.TCClass{Handle: rtnl.TCRoot, Kind: "root"},
			rtnl.TCClass{Handle: rtnl.TCIngress, Kind: "clsact/ingress"},
			rtnl.TCClass{Handle: rtnl.TCEgress, Kind: "clsact/egress"})
	}
	for _, place := range places {
		filters, err := rtnl.TCFilters(link.Index, place.Handle)
		if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOENT) ||
			errors.Is(err, syscall.EINVAL) {
			continue // the queueing discipline is gone, or it takes no filters
		}
		if err != nil {
			return nil, fmt.Errorf("filters of %s: %w", place.Kind, err)
		}
		for _, f := range filters {
			i.Filters = append(i.Filters, classicFilter(place.Kind, &f))
		}
	}
	return i, nil
}

func classicFilter(place string, f *rtnl.TCFilter) ClassicFilter {
	c := ClassicFilter{
		Place: place, Parent: f.Parent, Handle: f.Handle, Priority: f.Priority, Name: f.Name,
		ProgramID: f.ProgID,
	}
	for _, a := range f.Actions {
		c.Actions = append(c.Actions, ClassicAction{Name: a.Name, ProgramID: a.ProgID})
	}
	return c
}

// xdpPrograms lists the programs of an interface, in bpftool's order of the modes.
func xdpPrograms(s *rtnl.XDPState) []XDPProgram {
	var list []XDPProgram
	for _, p := range [...]XDPProgram{
		{bpf.XDPGeneric, s.SKBProgID}, {bpf.XDPNative, s.DrvProgID}, {bpf.XDPOffload, s.HWProgID},
	} {
		if p.ProgramID != 0 {
			list = append(list, p)
		}
	}
	if len(list) == 0 && s.ProgID != 0 { // before 4.19
		mode := bpf.XDPNative
		switch s.Attached {
		case rtnl.XDPAttachedSKB:
			mode = bpf.XDPGeneric
		case rtnl.XDPAttachedHW:
			mode = bpf.XDPOffload
		}
		list = append(list, XDPProgram{mode, s.ProgID})
	}
	return list
}
