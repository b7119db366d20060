package main

import (
	"fmt"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/lwt"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/tc"
	"github.com/purebpf/bpf/uapi"
)

// hookStructOps is the only kind that attaches a map.
const hookStructOps = "struct_ops"

// Options that several kinds share.
var (
	anchored = []string{"place", "revision", "link"}
	cookied  = []string{"cookie"}
	probed   = []string{"cookie", "mode"}
	uprobed  = []string{"pid", "cookie", "refctr", "mode"}
	routed   = []string{"dev", "via", "metric", "headroom"}
)

// hookKinds returns all hooks of bpf attach.
func hookKinds() []hookKind {
	return []hookKind{
		{name: "auto", attach: func(s subject, h *hook) (hooked, error) {
			if s.ops != nil {
				return one(s.ops.AttachStructOps())
			}
			return one(s.Attach())
		}},

		{name: "xdp", target: "IFACE", options: []string{"mode", "link"}, attach: linkXDP(""),
			set: setXDP(""), there: xdpThere},
		{name: "xdp-native", target: "IFACE", options: []string{"link"}, attach: linkXDP("native"),
			set: setXDP("native"), there: xdpThere},
		{name: "xdp-generic", target: "IFACE", options: []string{"link"},
			attach: linkXDP("generic"), set: setXDP("generic"), there: xdpThere},
		interfaceHook("tcx-ingress", uapi.AttachTCXIngress, (*bpf.Program).AttachTCX,
			nolink.AddTCX, nolink.RemoveTCX),
		interfaceHook("tcx-egress", uapi.AttachTCXEgress, (*bpf.Program).AttachTCX,
			nolink.AddTCX, nolink.RemoveTCX),
		interfaceHook("netkit-primary", uapi.AttachNetkitPrimary, (*bpf.Program).AttachNetkit,
			nolink.AddNetkit, nolink.RemoveNetkit),
		interfaceHook("netkit-peer", uapi.AttachNetkitPeer, (*bpf.Program).AttachNetkit,
			nolink.AddNetkit, nolink.RemoveNetkit),
		tcHook("tc-ingress", tc.Ingress),
		tcHook("tc-egress", tc.Egress),
		{name: "netfilter", target: "FAMILY,HOOK,PRIORITY", options: []string{"defrag"},
			attach: attachNetfilter},
		lwtHook("lwt-in", func(r *lwt.Route) **bpf.Program { return &r.In }),
		lwtHook("lwt-out", func(r *lwt.Route) **bpf.Program { return &r.Out }),
		lwtHook("lwt-xmit", func(r *lwt.Route) **bpf.Program { return &r.Xmit }),
		lwtHook("lwt-seg6local", func(r *lwt.Route) **bpf.Program { return &r.Seg6Local }),
		{name: "cgroup", target: "DIR",
			options: []string{"type", "preorder", "place", "revision", "link", "mode"},
			load:    loadAttachType, attach: attachCgroup, set: setCgroup, there: cgroupThere},
		{name: "netns", target: "FILE", attach: func(s subject, h *hook) (hooked, error) {
			return one(s.AttachNetns(h.target))
		}},
		{name: "flow_dissector", set: setFlowDissector, there: flowDissectorThere},
		{name: "sockmap", target: "MAP", options: []string{"type", "link"}, load: loadAttachType,
			attach: attachSockMap, set: setSockMap, there: sockMapThere},
		{name: "lirc", target: "FILE", set: setLIRC, there: lircThere},

		{name: "kprobe", target: "FUNC[+OFFSET]", options: probed, load: loadProbe(0),
			attach: attachKprobe(false)},
		{name: "kretprobe", target: "FUNC", options: probed, load: loadProbe(0),
			attach: attachKprobe(true)},
		{name: "kprobe.multi", target: "PATTERN", load: loadProbe(uapi.AttachTraceKprobeMulti),
			attach: attachKprobeMulti(bpf.KprobeMultiOptions{})},
		{name: "kretprobe.multi", target: "PATTERN", load: loadProbe(uapi.AttachTraceKprobeMulti),
			attach: attachKprobeMulti(bpf.KprobeMultiOptions{When: bpf.AtReturn})},
		{name: "kprobe.session", target: "PATTERN", load: loadProbe(uapi.AttachTraceKprobeSession),
			attach: attachKprobeMulti(bpf.KprobeMultiOptions{When: bpf.InSession})},
		{name: "ksyscall", target: "NAME", options: cookied, load: loadProbe(0),
			attach: attachKsyscall(false)},
		{name: "kretsyscall", target: "NAME", options: cookied, load: loadProbe(0),
			attach: attachKsyscall(true)},
		{name: "uprobe", target: "FILE:FUNC[+OFFSET]", options: uprobed, load: loadProbe(0),
			attach: attachUprobe(false)},
		{name: "uretprobe", target: "FILE:FUNC", options: uprobed, load: loadProbe(0),
			attach: attachUprobe(true)},
		{name: "uprobe.multi", target: "FILE:PATTERN", options: []string{"pid"},
			load:   loadProbe(uapi.AttachTraceUprobeMulti),
			attach: attachUprobeMulti(bpf.UprobeMultiOptions{})},
		{name: "uretprobe.multi", target: "FILE:PATTERN", options: []string{"pid"},
			load:   loadProbe(uapi.AttachTraceUprobeMulti),
			attach: attachUprobeMulti(bpf.UprobeMultiOptions{When: bpf.AtReturn})},
		{name: "uprobe.session", target: "FILE:PATTERN", options: []string{"pid"},
			load:   loadProbe(uapi.AttachTraceUprobeSession),
			attach: attachUprobeMulti(bpf.UprobeMultiOptions{When: bpf.InSession})},
		{name: "usdt", target: "FILE:PROVIDER:NAME", options: []string{"pid", "cookie"},
			attach: attachUSDT},
		{name: "tp", target: "CATEGORY/NAME", options: cookied, attach: attachTracepoint},
		{name: "raw_tp", target: "NAME", options: cookied,
			attach: func(s subject, h *hook) (hooked, error) {
				return one(s.AttachRawTracepoint(h.target,
					&bpf.CookieOptions{Cookie: h.cookie}))
			}},
		{name: "perf", target: "EVENT", options: []string{"pid", "cookie", "period", "frequency"},
			attach: attachPerfEvent},
		{name: "trace", target: "[FUNC]", options: cookied, load: loadTarget,
			attach: attachTarget((*bpf.Program).AttachTrace)},
		{name: "trace.multi", target: "[MODULE:]PATTERN", load: loadTarget,
			attach: func(s subject, h *hook) (hooked, error) {
				return one(s.AttachTracingMulti(h.target))
			}},
		{name: "lsm", target: "[HOOK]", options: cookied, load: loadTarget,
			attach: attachTarget((*bpf.Program).AttachLSM)},
		{name: "freplace", target: "PROGRAM:FUNC", load: loadFreplace, attach: attachFreplace},
		{name: "iter", options: []string{"map", "cgroup", "order", "tid", "pid"},
			attach: attachIter},

		{name: hookStructOps, attach: func(s subject, h *hook) (hooked, error) {
			return one(s.ops.AttachStructOps())
		}},
	}
}

// loadAttachType loads a program for the attach type that the hook names.
func loadAttachType(p *object.Program, h *hook) error {
	if h.attachType != nil {
		p.ExpectedAttachType = *h.attachType
	}
	return nil
}

// loadProbe loads a kprobe program for one function or for many, as the hook needs it, whatever its
// section says.
func loadProbe(t uapi.AttachType) func(*object.Program, *hook) error {
	return func(p *object.Program, h *hook) error {
		if p.Type == uapi.ProgKprobe {
			p.ExpectedAttachType = t
		}
		return nil
	}
}

// loadTarget sets another target than that of the section.
func loadTarget(p *object.Program, h *hook) error {
	if h.target != "" {
		p.AttachTarget = h.target
	}
	return nil
}

// attachTarget attaches to the target that loadTarget set. A program that was loaded before has
// only its own target.
func attachTarget(attach func(*bpf.Program, *bpf.CookieOptions) (*bpf.Link, error)) func(subject,
	*hook) (hooked, error) {
	return func(s subject, h *hook) (hooked, error) {
		if s.obj == nil && h.target != "" {
			return hooked{}, fmt.Errorf(
				"hook %q: %s is loaded already, for a target that can't be changed: write %s",
				h.text, s.name(), h.kind.name)
		}
		return one(attach(s.Program, &bpf.CookieOptions{Cookie: h.cookie}))
	}
}

func attachKprobe(ret bool) func(subject, *hook) (hooked, error) {
	return func(s subject, h *hook) (hooked, error) {
		symbol, offset, err := probe.CutOffset(h.target)
		if err != nil {
			return hooked{}, fmt.Errorf("hook %q: %w", h.text, err)
		}
		mode, err := h.probeMode()
		if err != nil {
			return hooked{}, err
		}
		return one(s.AttachKprobe(symbol,
			&bpf.KprobeOptions{Return: ret, Offset: offset, Cookie: h.cookie, Mode: mode}))
	}
}

func attachKprobeMulti(o bpf.KprobeMultiOptions) func(subject, *hook) (hooked, error) {
	return func(s subject, h *hook) (hooked, error) {
		return one(s.AttachKprobeMulti(h.target, &o))
	}
}

func attachKsyscall(ret bool) func(subject, *hook) (hooked, error) {
	return func(s subject, h *hook) (hooked, error) {
		return one(s.AttachKsyscall(h.target, &bpf.KsyscallOptions{Return: ret, Cookie: h.cookie}))
	}
}

func attachUprobe(ret bool) func(subject, *hook) (hooked, error) {
	return func(s subject, h *hook) (hooked, error) {
		file, symbol, err := cutFile(h)
		if err != nil {
			return hooked{}, err
		}
		symbol, offset, err := probe.CutOffset(symbol)
		if err != nil {
			return hooked{}, fmt.Errorf("hook %q: %w", h.text, err)
		}
		mode, err := h.probeMode()
		if err != nil {
			return hooked{}, err
		}
		return one(s.AttachUprobe(file, symbol, &bpf.UprobeOptions{
			Return: ret, Offset: offset, RefCtrOffset: h.refctr, PID: h.pid, Cookie: h.cookie,
			Mode: mode,
		}))
	}
}

func attachUprobeMulti(o bpf.UprobeMultiOptions) func(subject, *hook) (hooked, error) {
	return func(s subject, h *hook) (hooked, error) {
		file, pattern, err := cutFile(h)
		if err != nil {
			return hooked{}, err
		}
		o := o
		o.PID = h.pid
		return one(s.AttachUprobeMulti(file, pattern, &o))
	}
}

func attachUSDT(s subject, h *hook) (hooked, error) {
	rest, name, err := cutFile(h)
	if err != nil {
		return hooked{}, err
	}
	file, provider, ok := cutLast(rest)
	if !ok {
		return hooked{}, fmt.Errorf("hook %q: write %s", h.text, h.kind.short())
	}
	return one(s.AttachUSDT(file, provider, name, &bpf.USDTOptions{PID: h.pid, Cookie: h.cookie}))
}

func attachTracepoint(s subject, h *hook) (hooked, error) {
	category, name, _ := strings.Cut(h.target, "/")
	return one(s.AttachTracepoint(category, name, &bpf.CookieOptions{Cookie: h.cookie}))
}

func attachPerfEvent(s subject, h *hook) (hooked, error) {
	event, err := bpf.PerfEventNamed(h.target)
	if err != nil {
		return hooked{}, err
	}
	event.Period, event.Frequency = h.period, h.frequency
	links, err := s.AttachPerfEvent(event, &bpf.PerfEventOptions{PID: h.pid, Cookie: h.cookie})
	return hooked{links: links}, err
}

func attachIter(s subject, h *hook) (hooked, error) {
	var over []bpf.IterTarget
	if h.cgroup != "" || h.order != 0 {
		over = append(over, bpf.IterCgroup{Path: h.cgroup, Order: h.order})
	}
	if h.tid != 0 || h.pid != 0 {
		over = append(over, bpf.IterTask{TID: h.tid, PID: uint32(h.pid)})
	}
	if h.mapName != "" {
		m, done, err := mapNamed(s.obj, h.mapName)
		if err != nil {
			return hooked{}, err
		}
		defer done()
		over = append(over, bpf.IterMap{Map: m})
	}
	switch len(over) {
	case 0:
		return one(s.AttachIter(nil))
	case 1:
		return one(s.AttachIter(over[0]))
	}
	return hooked{}, fmt.Errorf("hook %q: options for a map, a cgroup and a task exclude each other",
		h.text)
}

// loadFreplace loads a program for the function that it replaces. Closing the hook closes the
// program that it opens.
func loadFreplace(p *object.Program, h *hook) error {
	target, function, err := h.freplaced()
	if err != nil {
		return err
	}
	h.opened = append(h.opened, target)
	p.AttachProgFD, p.AttachTarget = target.FD(), function
	return nil
}

func attachFreplace(s subject, h *hook) (hooked, error) {
	target, function, err := h.freplaced()
	if err != nil {
		return hooked{}, err
	}
	defer target.Close()
	return one(s.AttachFreplace(target, function))
}

// freplaced opens the program whose function is replaced.
func (h *hook) freplaced() (target *bpf.Program, function string, err error) {
	name, function, err := cutFile(h)
	if err != nil {
		return nil, "", err
	}
	target, err = programNamed(name)
	return target, function, err
}

// cutLast cuts at the last colon: paths may contain colons.
func cutLast(s string) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// cutFile splits a target into a file and the rest.
func cutFile(h *hook) (file, rest string, err error) {
	file, rest, ok := cutLast(h.target)
	if !ok {
		return "", "", fmt.Errorf("hook %q: write %s", h.text, h.kind.short())
	}
	return file, rest, nil
}
