package main

import (
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
	attach func(p *bpf.Program, target string) (bpf.Links, error)
}

// hookKinds are all hooks that bpf attach knows.
var hookKinds = []hookKind{
	{"auto", "", func(p *bpf.Program, _ string) (bpf.Links, error) { return one(p.Attach()) }},
	{"xdp", "IFACE", func(p *bpf.Program, t string) (bpf.Links, error) { return one(p.AttachXDP(t, nil)) }},
	{"xdp-native", "IFACE", func(p *bpf.Program, t string) (bpf.Links, error) {
		return one(p.AttachXDP(t, &bpf.XDPOptions{Mode: bpf.XDPNative}))
	}},
	{"xdp-generic", "IFACE", func(p *bpf.Program, t string) (bpf.Links, error) {
		return one(p.AttachXDP(t, &bpf.XDPOptions{Mode: bpf.XDPGeneric}))
	}},
	{"tcx-ingress", "IFACE", func(p *bpf.Program, t string) (bpf.Links, error) {
		return one(p.AttachTCX(t, uapi.AttachTCXIngress, nil))
	}},
	{"tcx-egress", "IFACE", func(p *bpf.Program, t string) (bpf.Links, error) {
		return one(p.AttachTCX(t, uapi.AttachTCXEgress, nil))
	}},
	{"netkit-primary", "IFACE", func(p *bpf.Program, t string) (bpf.Links, error) {
		return one(p.AttachNetkit(t, uapi.AttachNetkitPrimary, nil))
	}},
	{"netkit-peer", "IFACE", func(p *bpf.Program, t string) (bpf.Links, error) {
		return one(p.AttachNetkit(t, uapi.AttachNetkitPeer, nil))
	}},
	{"netfilter", "FAMILY,HOOK,PRIORITY", attachNetfilter},
	{"cgroup", "DIR", func(p *bpf.Program, t string) (bpf.Links, error) { return one(p.AttachCgroup(t, nil)) }},
	{"netns", "FILE", func(p *bpf.Program, t string) (bpf.Links, error) { return one(p.AttachNetns(t)) }},
	{"sockmap", "PINNED-MAP", attachSockMap},
	{"kprobe", "FUNC[+OFFSET]", func(p *bpf.Program, t string) (bpf.Links, error) {
		symbol, offset, err := cutOffset(t)
		if err != nil {
			return nil, err
		}
		return one(p.AttachKprobe(symbol, &bpf.KprobeOptions{Offset: offset}))
	}},
	{"kretprobe", "FUNC", func(p *bpf.Program, t string) (bpf.Links, error) {
		return one(p.AttachKprobe(t, &bpf.KprobeOptions{Return: true}))
	}},
	{"kprobe.multi", "PATTERN", func(p *bpf.Program, t string) (bpf.Links, error) { return one(p.AttachKprobeMulti(t, nil)) }},
	{"kretprobe.multi", "PATTERN", func(p *bpf.Program, t string) (bpf.Links, error) {
		return one(p.AttachKprobeMulti(t, &bpf.KprobeMultiOptions{Return: true}))
	}},
	{"ksyscall", "NAME", func(p *bpf.Program, t string) (bpf.Links, error) { return one(p.AttachKsyscall(t, nil)) }},
	{"kretsyscall", "NAME", func(p *bpf.Program, t string) (bpf.Links, error) {
		return one(p.AttachKsyscall(t, &bpf.KsyscallOptions{Return: true}))
	}},
	{"tp", "CATEGORY/NAME", func(p *bpf.Program, t string) (bpf.Links, error) {
		category, name, _ := strings.Cut(t, "/")
		return one(p.AttachTracepoint(category, name, nil))
	}},
	{"raw_tp", "NAME", func(p *bpf.Program, t string) (bpf.Links, error) { return one(p.AttachRawTracepoint(t, nil)) }},
	{"perf", "EVENT", func(p *bpf.Program, t string) (bpf.Links, error) {
		event, err := bpf.PerfEventNamed(t)
		if err != nil {
			return nil, err
		}
		return p.AttachPerfEvent(event, nil)
	}},
	{"trace", "", func(p *bpf.Program, _ string) (bpf.Links, error) { return one(p.AttachTrace(nil)) }},
	{"lsm", "", func(p *bpf.Program, _ string) (bpf.Links, error) { return one(p.AttachLSM(nil)) }},
}

func one(l *bpf.Link, err error) (bpf.Links, error) {
	if err != nil {
		return nil, err
	}
	return bpf.Links{l}, nil
}

// attachTo attaches a program to a hook given as KIND:TARGET.
func attachTo(p *bpf.Program, hook string) (bpf.Links, error) {
	kind, target, _ := strings.Cut(hook, ":")
	for _, k := range hookKinds {
		if k.name != kind {
			continue
		}
		if (k.target == "") != (target == "") {
			return nil, fmt.Errorf("hook %q: write %s", hook, k.usage())
		}
		return k.attach(p, target)
	}
	return nil, fmt.Errorf("there is no hook %q; hooks are %s", kind, hookUsage(", "))
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

func attachSockMap(p *bpf.Program, path string) (bpf.Links, error) {
	m, err := bpf.OpenMap(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return one(p.AttachSockMap(m))
}

// netfilterHooks are the hooks by their names in nftables.
var netfilterHooks = []string{"prerouting", "input", "forward", "output", "postrouting"}

func attachNetfilter(p *bpf.Program, target string) (bpf.Links, error) {
	parts := strings.Split(target, ",")
	if len(parts) != 3 {
		return nil, fmt.Errorf("netfilter:%s: write ip or ip6, then one of %s, then a priority, with commas between", target, strings.Join(netfilterHooks, " "))
	}
	var o bpf.NetfilterOptions
	switch parts[0] {
	case "ip":
		o.Family = 2 // NFPROTO_IPV4
	case "ip6":
		o.Family = 10 // NFPROTO_IPV6
	default:
		return nil, fmt.Errorf("netfilter family %q: ip or ip6", parts[0])
	}
	known := false
	for i, name := range netfilterHooks {
		if name == parts[1] {
			o.Hook, known = uint32(i), true
		}
	}
	if !known {
		return nil, fmt.Errorf("netfilter hook %q: one of %s", parts[1], strings.Join(netfilterHooks, " "))
	}
	priority, err := strconv.ParseInt(parts[2], 0, 32)
	if err != nil {
		return nil, fmt.Errorf("netfilter priority: %w", err)
	}
	o.Priority = int32(priority)
	return one(p.AttachNetfilter(&o))
}
