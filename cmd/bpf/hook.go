package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/uapi"
)

// hookKind is one way to attach a program by hand: what the command line calls it, what stands behind the colon, and what attaches.
type hookKind struct {
	name   string
	target string // for the help text, "" if there is none
	attach func(p *bpf.Program, target string) (hooked, error)
}

// hooked is an attached program: links, or what takes away an attachment that has none.
type hooked struct {
	links bpf.Links
	what  string // names the attachment without a link
	undo  func() error
}

// Close detaches.
func (h hooked) Close() error {
	err := h.links.Close()
	if h.undo != nil {
		err = errors.Join(err, h.undo())
	}
	return err
}

// hookKinds are all hooks that bpf attach knows.
var hookKinds = []hookKind{
	{"auto", "", func(p *bpf.Program, _ string) (hooked, error) { return one(p.Attach()) }},
	{"xdp", "IFACE", func(p *bpf.Program, t string) (hooked, error) { return one(p.AttachXDP(t, nil)) }},
	{"xdp-native", "IFACE", func(p *bpf.Program, t string) (hooked, error) {
		return one(p.AttachXDP(t, &bpf.XDPOptions{Mode: bpf.XDPNative}))
	}},
	{"xdp-generic", "IFACE", func(p *bpf.Program, t string) (hooked, error) {
		return one(p.AttachXDP(t, &bpf.XDPOptions{Mode: bpf.XDPGeneric}))
	}},
	{"tcx-ingress", "IFACE", func(p *bpf.Program, t string) (hooked, error) {
		return one(p.AttachTCX(t, uapi.AttachTCXIngress, nil))
	}},
	{"tcx-egress", "IFACE", func(p *bpf.Program, t string) (hooked, error) {
		return one(p.AttachTCX(t, uapi.AttachTCXEgress, nil))
	}},
	{"tc-ingress", "IFACE", func(p *bpf.Program, t string) (hooked, error) { return attachTC(p, t, bpf.TCIngress) }},
	{"tc-egress", "IFACE", func(p *bpf.Program, t string) (hooked, error) { return attachTC(p, t, bpf.TCEgress) }},
	{"netkit-primary", "IFACE", func(p *bpf.Program, t string) (hooked, error) {
		return one(p.AttachNetkit(t, uapi.AttachNetkitPrimary, nil))
	}},
	{"netkit-peer", "IFACE", func(p *bpf.Program, t string) (hooked, error) {
		return one(p.AttachNetkit(t, uapi.AttachNetkitPeer, nil))
	}},
	{"netfilter", "FAMILY,HOOK,PRIORITY", attachNetfilter},
	{"cgroup", "DIR", func(p *bpf.Program, t string) (hooked, error) { return one(p.AttachCgroup(t, nil)) }},
	{"netns", "FILE", func(p *bpf.Program, t string) (hooked, error) { return one(p.AttachNetns(t)) }},
	{"sockmap", "PINNED-MAP", attachSockMap},
	{"kprobe", "FUNC[+OFFSET]", func(p *bpf.Program, t string) (hooked, error) {
		symbol, offset, err := cutOffset(t)
		if err != nil {
			return hooked{}, err
		}
		return one(p.AttachKprobe(symbol, &bpf.KprobeOptions{Offset: offset}))
	}},
	{"kretprobe", "FUNC", func(p *bpf.Program, t string) (hooked, error) {
		return one(p.AttachKprobe(t, &bpf.KprobeOptions{Return: true}))
	}},
	{"kprobe.multi", "PATTERN", func(p *bpf.Program, t string) (hooked, error) { return one(p.AttachKprobeMulti(t, nil)) }},
	{"kretprobe.multi", "PATTERN", func(p *bpf.Program, t string) (hooked, error) {
		return one(p.AttachKprobeMulti(t, &bpf.KprobeMultiOptions{Return: true}))
	}},
	{"ksyscall", "NAME", func(p *bpf.Program, t string) (hooked, error) { return one(p.AttachKsyscall(t, nil)) }},
	{"kretsyscall", "NAME", func(p *bpf.Program, t string) (hooked, error) {
		return one(p.AttachKsyscall(t, &bpf.KsyscallOptions{Return: true}))
	}},
	{"uprobe", "FILE:FUNC[+OFFSET]", func(p *bpf.Program, t string) (hooked, error) { return attachUprobe(p, t, false) }},
	{"uretprobe", "FILE:FUNC", func(p *bpf.Program, t string) (hooked, error) { return attachUprobe(p, t, true) }},
	{"uprobe.multi", "FILE:PATTERN", func(p *bpf.Program, t string) (hooked, error) {
		file, pattern, _ := cutLast(t)
		return one(p.AttachUprobeMulti(file, pattern, nil))
	}},
	{"usdt", "FILE:PROVIDER:NAME", func(p *bpf.Program, t string) (hooked, error) {
		rest, name, _ := cutLast(t)
		file, provider, _ := cutLast(rest)
		return one(p.AttachUSDT(file, provider, name, nil))
	}},
	{"tp", "CATEGORY/NAME", func(p *bpf.Program, t string) (hooked, error) {
		category, name, _ := strings.Cut(t, "/")
		return one(p.AttachTracepoint(category, name, nil))
	}},
	{"raw_tp", "NAME", func(p *bpf.Program, t string) (hooked, error) { return one(p.AttachRawTracepoint(t, nil)) }},
	{"perf", "EVENT", func(p *bpf.Program, t string) (hooked, error) {
		event, err := bpf.PerfEventNamed(t)
		if err != nil {
			return hooked{}, err
		}
		links, err := p.AttachPerfEvent(event, nil)
		return hooked{links: links}, err
	}},
	{"trace", "", func(p *bpf.Program, _ string) (hooked, error) { return one(p.AttachTrace(nil)) }},
	{"lsm", "", func(p *bpf.Program, _ string) (hooked, error) { return one(p.AttachLSM(nil)) }},
}

func one(l *bpf.Link, err error) (hooked, error) {
	if err != nil {
		return hooked{}, err
	}
	return hooked{links: bpf.Links{l}}, nil
}

// attachTo attaches a program to a hook given as KIND:TARGET.
func attachTo(p *bpf.Program, hook string) (hooked, error) {
	kind, target, _ := strings.Cut(hook, ":")
	for _, k := range hookKinds {
		if k.name != kind {
			continue
		}
		if (k.target == "") != (target == "") {
			return hooked{}, fmt.Errorf("hook %q: write %s", hook, k.usage())
		}
		return k.attach(p, target)
	}
	return hooked{}, fmt.Errorf("there is no hook %q; hooks are %s", kind, hookUsage(", "))
}

func (k hookKind) usage() string {
	if k.target == "" {
		return k.name
	}
	return k.name + ":" + k.target
}

// hookUsage lists the hooks for help and errors.
func hookUsage(sep string) string {
	var list []string
	for _, k := range hookKinds {
		list = append(list, k.usage())
	}
	return strings.Join(list, sep)
}

func cutOffset(s string) (name string, offset uint64, err error) {
	name, text, ok := strings.Cut(s, "+")
	if ok {
		if offset, err = strconv.ParseUint(text, 0, 64); err != nil {
			return "", 0, fmt.Errorf("offset of %q: %w", s, err)
		}
	}
	return name, offset, nil
}

// cutLast cuts at the last colon: paths may have some.
func cutLast(s string) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func attachUprobe(p *bpf.Program, target string, ret bool) (hooked, error) {
	file, symbol, _ := cutLast(target)
	symbol, offset, err := cutOffset(symbol)
	if err != nil {
		return hooked{}, err
	}
	return one(p.AttachUprobe(file, symbol, &bpf.UprobeOptions{Return: ret, Offset: offset}))
}

// attachTC makes the clsact discipline if the interface has none, and takes it away again in that case.
func attachTC(p *bpf.Program, iface string, point bpf.TCPoint) (hooked, error) {
	hook := bpf.TCHook{Interface: iface, Point: point}
	created := true
	if err := hook.Create(); errors.Is(err, bpf.ErrExist) {
		created = false
	} else if err != nil {
		return hooked{}, err
	}
	remove := func() error {
		if !created {
			return nil
		}
		return bpf.TCHook{Interface: iface, Point: bpf.TCBoth}.Destroy()
	}
	filter, err := p.SetTC(hook, nil)
	if err != nil {
		return hooked{}, errors.Join(err, remove())
	}
	return hooked{
		what: fmt.Sprintf("%s to %v, handle %#x priority %d", p.Name(), hook, filter.Handle, filter.Priority),
		undo: func() error { return errors.Join(filter.Detach(), remove()) },
	}, nil
}

func attachSockMap(p *bpf.Program, path string) (hooked, error) {
	m, err := bpf.OpenMap(path)
	if err != nil {
		return hooked{}, err
	}
	defer m.Close()
	return one(p.AttachSockMap(m))
}

// netfilterHooks are the hooks by their names in nftables.
var netfilterHooks = []string{"prerouting", "input", "forward", "output", "postrouting"}

func attachNetfilter(p *bpf.Program, target string) (hooked, error) {
	parts := strings.Split(target, ",")
	if len(parts) != 3 {
		return hooked{}, fmt.Errorf("netfilter:%s: write ip or ip6, then one of %s, then a priority, with commas between", target, strings.Join(netfilterHooks, " "))
	}
	var o bpf.NetfilterOptions
	switch parts[0] {
	case "ip":
		o.Family = 2 // NFPROTO_IPV4
	case "ip6":
		o.Family = 10 // NFPROTO_IPV6
	default:
		return hooked{}, fmt.Errorf("netfilter family %q: ip or ip6", parts[0])
	}
	known := false
	for i, name := range netfilterHooks {
		if name == parts[1] {
			o.Hook, known = uint32(i), true
		}
	}
	if !known {
		return hooked{}, fmt.Errorf("netfilter hook %q: one of %s", parts[1], strings.Join(netfilterHooks, " "))
	}
	priority, err := strconv.ParseInt(parts[2], 0, 32)
	if err != nil {
		return hooked{}, fmt.Errorf("netfilter priority: %w", err)
	}
	o.Priority = int32(priority)
	return one(p.AttachNetfilter(&o))
}
