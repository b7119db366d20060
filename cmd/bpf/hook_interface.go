package main

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/tc"
	"github.com/purebpf/bpf/uapi"
)

func linkXDP(mode string) func(subject, *hook) (hooked, error) {
	return func(s subject, h *hook) (hooked, error) {
		m, err := h.xdp(mode)
		if err != nil {
			return hooked{}, err
		}
		return one(s.AttachXDP(h.target, &bpf.XDPOptions{Mode: m}))
	}
}

// setXDP attaches over netlink. It doesn't replace a program that is attached: detaching that needs
// its name.
func setXDP(mode string) func(subject, *hook) (hooked, error) {
	return func(s subject, h *hook) (hooked, error) {
		m, err := h.xdp(mode)
		if err != nil {
			return hooked{}, err
		}
		index, err := h.ifindex()
		if err != nil {
			return hooked{}, err
		}
		o := nolink.XDPOptions{Mode: m, IfAbsent: true, Logger: bpf.EnvLogger()}
		if _, err := nolink.SetXDP(s.Program, h.target, &o); err != nil {
			return hooked{}, err
		}
		return hooked{
			what: s.name() + " to " + h.target + " (xdp, netlink)",
			undo: func() error {
				return underName(index, func(iface string) error {
					return nolink.UnsetXDP(s.Program, iface)
				})
			},
		}, nil
	}
}

func (h *hook) xdp(mode string) (bpf.XDPMode, error) {
	if mode != "" {
		h.mode = mode
	}
	return h.xdpMode()
}

func xdpThere(h *hook) ([]attachment, error) {
	state, err := inspect.XDP(h.target)
	if err != nil {
		return nil, err
	}
	var list []attachment
	for _, at := range []struct{ program, mode uint32 }{
		{state.Native, rtnl.XDPDrvMode}, {state.Generic, rtnl.XDPSKBMode},
		{state.Offload, rtnl.XDPHWMode},
	} {
		if at.program == 0 {
			continue
		}
		links, err := xdpLinks(h.target, at.mode, at.program)
		if err != nil {
			return nil, err
		}
		list = append(list, attachment{at.program, links,
			withProgram(at.program, func(p *bpf.Program) error {
				return nolink.UnsetXDP(p, h.target)
			})})
	}
	return list, nil
}

// xdpLinks returns links of which one holds a program on an interface. There are several if the
// program is also on an interface with the same index in another network namespace, which links
// don't report. None: it is attached without a link.
func xdpLinks(iface string, mode, program uint32) (ids []uint32, err error) {
	index, err := rtnl.Interface(iface)
	if err != nil {
		return nil, err
	}
	// Detaching nothing, only if nothing is attached, has no effect. The kernel first reports
	// whether a link is in the way.
	err = rtnl.XDPSet(index, -1, mode|rtnl.XDPReplace, 0)
	switch {
	// EINVAL: before 5.7
	case err == nil || errors.Is(err, syscall.EEXIST) || errors.Is(err, syscall.EINVAL):
		return nil, nil
	case !errors.Is(err, syscall.EBUSY):
		return nil, fmt.Errorf("%s: %w", iface,
			kernel.Running().Explain(err, "asking for its XDP link", kernel.CapNetAdmin))
	}
	links, err := linksAt(uapi.LinkXDP, &linkinfo.XDP{IfIndex: uint32(index)})
	for _, l := range links {
		if l.ProgramID == program {
			ids = append(ids, l.ID)
		}
	}
	return ids, err
}

// ifindex returns the index of the interface that the hook names.
func (h *hook) ifindex() (int, error) {
	index, err := rtnl.Interface(h.target)
	if err != nil {
		return 0, fmt.Errorf("hook %q: %w", h.text, err)
	}
	return index, nil
}

// underName calls detach with the current name of an interface: it may have been renamed since
// something was attached to it.
func underName(index int, detach func(iface string) error) error {
	name, err := rtnl.InterfaceName(index)
	if err != nil {
		return fmt.Errorf("interface %d: %w", index, err)
	}
	return detach(name)
}

// interfaceHook returns a kind of tcx or netkit.
func interfaceHook(name string, where uapi.AttachType,
	link func(*bpf.Program, string, uapi.AttachType, *bpf.TCXOptions) (*bpf.Link, error),
	add func(*bpf.Program, string, uapi.AttachType, *nolink.TCXOptions) error,
	remove func(*bpf.Program, string, uapi.AttachType) error,
) hookKind {
	return hookKind{
		name: name, target: "IFACE", options: anchored,
		attach: func(s subject, h *hook) (hooked, error) {
			return one(link(s.Program, h.target, where,
				&bpf.TCXOptions{Anchor: h.place, Revision: h.revision}))
		},
		set: func(s subject, h *hook) (hooked, error) {
			index, err := h.ifindex()
			if err != nil {
				return hooked{}, err
			}
			if err := add(s.Program, h.target, where, &nolink.TCXOptions{
				TCXOptions: bpf.TCXOptions{Anchor: h.place, Revision: h.revision}}); err != nil {
				return hooked{}, err
			}
			return hooked{
				what: fmt.Sprintf("%s to %s (%v), without a link", s.name(), h.target, where),
				undo: func() error {
					return underName(index, func(iface string) error {
						return remove(s.Program, iface, where)
					})
				},
			}, nil
		},
		there: func(h *hook) ([]attachment, error) {
			there, err := inspect.Interface(h.target, where)
			if err != nil {
				return nil, err
			}
			return hookedThere(there, func(p *bpf.Program) error {
				return remove(p, h.target, where)
			}), nil
		},
	}
}

// tcHook returns the kind of a direction of classic TC.
func tcHook(name string, point tc.Point) hookKind {
	return hookKind{
		name: name, target: "IFACE", options: []string{"handle", "priority"},
		set: func(s subject, h *hook) (hooked, error) { return setTC(s, h, point) },
		there: func(h *hook) (list []attachment, err error) {
			filters, err := tc.Hook{Interface: h.target, Point: point}.Filters()
			for _, f := range filters {
				list = append(list, attachment{program: f.ProgramID, detach: f.Detach})
			}
			return list, err
		},
	}
}

// setTC makes the clsact discipline if the interface has none. In that case the attachment also
// removes it, if nobody uses it then.
func setTC(s subject, h *hook, point tc.Point) (hooked, error) {
	at := tc.Hook{Interface: h.target, Point: point}
	index, err := h.ifindex()
	if err != nil {
		return hooked{}, err
	}
	created := true
	if err := at.Create(); errors.Is(err, bpf.ErrExist) {
		created = false
	} else if err != nil {
		return hooked{}, err
	}
	remove := func() error {
		if !created {
			return nil
		}
		for _, parent := range []uint32{rtnl.TCIngress, rtnl.TCEgress} {
			if others, err := rtnl.TCFilterKinds(index, parent); err != nil || len(others) > 0 {
				return err
			}
		}
		return rtnl.TCClsactDel(index)
	}
	filter, err := tc.Attach(s.Program, at, &tc.Options{Handle: h.handle, Priority: h.priority})
	if err != nil {
		return hooked{}, errors.Join(err, remove())
	}
	return hooked{
		what: fmt.Sprintf("%s to %v, handle %#x priority %d",
			s.name(), at, filter.Handle, filter.Priority),
		undo: func() error { return errors.Join(filter.Detach(), remove()) },
	}, nil
}
