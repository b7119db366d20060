package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/anchor"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

// hookOptions are the values of a hook's options, each for the kinds that take it.
type hookOptions struct {
	link       bool
	cookie     uint64
	pid        int
	refctr     uint64
	mode       string
	place      anchor.Anchor
	revision   uint64
	attachType *uapi.AttachType
	preorder   bool
	defrag     bool
	handle     uint32
	priority   uint16
	period     uint64
	frequency  uint64
	mapName    string
	cgroup     string
	order      uapi.CgroupIterOrder
	tid        uint32
	dev        string
	via        netip.Addr
	metric     uint32
	headroom   uint32
}

// hookOption is one option: its name, the form of its value for the help text, and the function
// that parses it.
type hookOption struct {
	name  string
	value string
	says  string
	set   func(o *hookOptions, value string) error
}

// hookOptionTable has every option of any kind of hook. The kinds parse mode, since each has its
// own modes.
var hookOptionTable = []hookOption{
	{"link", "yes|no", "no: attach without a link; this stays if the command is killed",
		func(o *hookOptions, v string) error { return yesNo(&o.link, v) }},
	{"mode", "MODE", "xdp: native, generic, offload; probes: legacy, perf, link; cgroup,link=no: " +
		"exclusive, override, multi",
		func(o *hookOptions, v string) error { o.mode = v; return nil }},
	{"cookie", "N", "what bpf_get_attach_cookie returns",
		func(o *hookOptions, v string) error { return number(&o.cookie, v, 64) }},
	{"pid", "N", "only in this process",
		func(o *hookOptions, v string) error { return number(&o.pid, v, 31) }},
	{"refctr", "OFFSET", "offset of the semaphore (reference counter) in the file",
		func(o *hookOptions, v string) error { return number(&o.refctr, v, 64) }},
	{"place", "WHERE", "place among other programs: " + placeUsage,
		func(o *hookOptions, v string) (err error) { o.place, err = parseAnchor(v); return err }},
	{"revision", "N", "fail if others were attached or detached since the hook had this revision",
		func(o *hookOptions, v string) error { return number(&o.revision, v, 64) }},
	{"type", "TYPE", "attach type, if SEC() or, with --program, the kernel doesn't give it: " +
		"cgroup_inet_egress, sk_skb_verdict, ...",
		func(o *hookOptions, v string) (err error) {
			o.attachType,
				err = parseAttachType(v)
			return err
		}},
	{"preorder", "yes|no", "run before the programs of child cgroups",
		func(o *hookOptions, v string) error { return yesNo(&o.preorder, v) }},
	{"defrag", "yes|no", "reassemble fragmented packets first",
		func(o *hookOptions, v string) error { return yesNo(&o.defrag, v) }},
	{"handle", "N", "handle of the filter",
		func(o *hookOptions, v string) error { return number(&o.handle, v, 32) }},
	{"priority", "N", "priority of the filter: lower runs earlier",
		func(o *hookOptions, v string) error { return number(&o.priority, v, 16) }},
	{"period", "N", "run once in N events (for a clock: nanoseconds)",
		func(o *hookOptions, v string) error { return number(&o.period, v, 64) }},
	{"frequency", "N", "run N times a second",
		func(o *hookOptions, v string) error { return number(&o.frequency, v, 64) }},
	{"map", "MAP", "map to walk: its name in the object, its pin or its id",
		func(o *hookOptions, v string) error { o.mapName = v; return nil }},
	{"cgroup", "DIR", "cgroup to start at",
		func(o *hookOptions, v string) error { o.cgroup = v; return nil }},
	{"order", "ORDER", "order of cgroups: " + orderUsage,
		func(o *hookOptions, v string) (err error) { o.order, err = parseOrder(v); return err }},
	{"tid", "N", "only this thread",
		func(o *hookOptions, v string) error { return number(&o.tid, v, 32) }},
	{"dev", "IFACE", "interface of the route",
		func(o *hookOptions, v string) error { o.dev = v; return nil }},
	{"via", "ADDRESS", "gateway of the route",
		func(o *hookOptions, v string) (err error) { o.via, err = netip.ParseAddr(v); return err }},
	{"metric", "N", "metric of the route",
		func(o *hookOptions, v string) error { return number(&o.metric, v, 32) }},
	{"headroom", "N", "bytes that an lwt-xmit program may add before a packet",
		func(o *hookOptions, v string) error { return number(&o.headroom, v, 32) }},
}

func findOption(name string) *hookOption {
	for i := range hookOptionTable {
		if hookOptionTable[i].name == name {
			return &hookOptionTable[i]
		}
	}
	return nil
}

// optionUsage lists the options for the help text.
func optionUsage() string {
	var b strings.Builder
	for _, o := range hookOptionTable {
		fmt.Fprintf(&b, "\n  %-16s %s", o.name+"="+o.value, o.says)
	}
	return b.String()
}

func number[T ~int | ~uint16 | ~uint32 | ~uint64](to *T, text string, bits int) error {
	n, err := strconv.ParseUint(text, 0, bits)
	if err != nil {
		return errors.Unwrap(err)
	}
	*to = T(n)
	return nil
}

func yesNo(to *bool, text string) error {
	if text != "yes" && text != "no" {
		return fmt.Errorf("%q is neither yes nor no", text)
	}
	*to = text == "yes"
	return nil
}

// modeOf returns the mode of that name, the first one for "".
func modeOf[T fmt.Stringer](name string, modes ...T) (T, error) {
	if name == "" {
		return modes[0], nil
	}
	var names []string
	for _, m := range modes {
		if m.String() == name {
			return m, nil
		}
		names = append(names, m.String())
	}
	return modes[0], fmt.Errorf("there is no mode %q, but %s", name, strings.Join(names, ", "))
}

func (o *hookOptions) probeMode() (bpf.ProbeMode, error) {
	return modeOf(o.mode, bpf.ProbeDefault, bpf.ProbeLegacy, bpf.ProbePerf, bpf.ProbeLink)
}

func (o *hookOptions) xdpMode() (bpf.XDPMode, error) {
	return modeOf(o.mode, bpf.XDPAny, bpf.XDPNative, bpf.XDPGeneric, bpf.XDPOffload)
}

func (o *hookOptions) cgroupMode() (nolink.CgroupMode, error) {
	return modeOf(o.mode, nolink.CgroupMulti, nolink.CgroupExclusive, nolink.CgroupOverride)
}

const placeUsage = "first, last, before:ID, after:ID (of a program), before-link:ID, after-link:ID"

func parseAnchor(text string) (anchor.Anchor, error) {
	name, id, _ := strings.Cut(text, ":")
	var next func(uint32) anchor.Anchor
	switch name {
	case "first":
		return anchor.First(), nil
	case "last":
		return anchor.Last(), nil
	case "before":
		next = anchor.BeforeID
	case "after":
		next = anchor.AfterID
	case "before-link":
		next = anchor.BeforeLinkID
	case "after-link":
		next = anchor.AfterLinkID
	default:
		return anchor.Anchor{}, fmt.Errorf("%q is no place: %s", text, placeUsage)
	}
	var n uint32
	if err := number(&n, id, 32); err != nil {
		return anchor.Anchor{}, fmt.Errorf("id %q: %w", id, err)
	}
	return next(n), nil
}

func parseAttachType(text string) (*uapi.AttachType, error) {
	var names []string
	for t := range uapi.AttachType(256) {
		if t.String() == text {
			return &t, nil
		}
		names = append(names, t.String())
	}
	return nil, withNear(fmt.Errorf("there is no attach type %q", text), text, names...)
}

// cgroupOrders are the names of the orders in which an iterator walks cgroups, from
// uapi.CgroupIterSelf on.
var cgroupOrders = [...]string{"self", "pre", "post", "up", "children"}

const orderUsage = "self, pre, post, up, children"

func parseOrder(text string) (uapi.CgroupIterOrder, error) {
	for i, name := range cgroupOrders {
		if name == text {
			return uapi.CgroupIterSelf + uapi.CgroupIterOrder(i), nil
		}
	}
	return 0, fmt.Errorf("%q is no order: %s", text, orderUsage)
}
