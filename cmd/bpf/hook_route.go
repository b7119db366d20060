package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/lwt"
	"github.com/purebpf/bpf/uapi"
)

// lwtHook returns the kind of one of the places of a route.
func lwtHook(name string, place func(*lwt.Route) **bpf.Program) hookKind {
	return hookKind{name: name, target: "DESTINATION", options: routed,
		set: func(s subject, h *hook) (hooked, error) {
			r, err := h.route()
			if err != nil {
				return hooked{}, err
			}
			*place(r) = s.Program
			if err := r.Add(); err != nil {
				return hooked{}, err
			}
			return hooked{what: fmt.Sprintf("%s to route %v (%s)", s.name(), r, name),
				undo: r.Delete}, nil
		},
		unset: func(p *bpf.Program, h *hook) error {
			r, err := h.route()
			if err != nil {
				return err
			}
			*place(r) = p
			return r.Delete()
		},
	}
}

// route returns the route that the hook names, without programs.
func (h *hook) route() (*lwt.Route, error) {
	destination, err := netip.ParsePrefix(h.target)
	if err != nil {
		return nil, fmt.Errorf("hook %q: %w", h.text, err)
	}
	if h.dev == "" {
		return nil, fmt.Errorf("hook %q: dev=IFACE is missing", h.text)
	}
	return &lwt.Route{Destination: destination, Interface: h.dev, Gateway: h.via, Metric: h.metric,
		Headroom: h.headroom}, nil
}

func attachNetfilter(s subject, h *hook) (hooked, error) {
	parts := strings.Split(h.target, ",")
	if len(parts) != 3 {
		return hooked{}, fmt.Errorf(
			"netfilter:%s: write ip or ip6, then one of %s, then a priority, with commas between",
			h.target, strings.Join(tool.NetfilterHooks(), " "))
	}
	var family uapi.NetfilterFamily
	switch parts[0] {
	case "ip":
		family = uapi.NetfilterIPv4
	case "ip6":
		family = uapi.NetfilterIPv6
	default:
		return hooked{}, fmt.Errorf("netfilter family %q: ip or ip6", parts[0])
	}
	i := slices.Index(tool.NetfilterHooks(), parts[1])
	if i < 0 {
		return hooked{}, fmt.Errorf("netfilter hook %q: one of %s",
			parts[1], strings.Join(tool.NetfilterHooks(), " "))
	}
	priority, err := strconv.ParseInt(parts[2], 0, 32)
	if err != nil {
		return hooked{}, fmt.Errorf("netfilter priority %q: %w", parts[2], errors.Unwrap(err))
	}
	return one(s.AttachNetfilter(family, uapi.NetfilterHook(i),
		&bpf.NetfilterOptions{Priority: int32(priority), Defrag: h.defrag}))
}
