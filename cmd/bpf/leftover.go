package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
)

// handHooks maps sections to the hooks to which their programs are attached by hand, where that
// isn't the section's own name without the part after '/'. For a kind without a target the user
// chooses it. A text with a space is the reason why no command line can attach them.
var handHooks = []struct{ section, hook string }{
	{"tracepoint", "tp"}, {"tp", "tp"}, {"raw_tracepoint", "raw_tp"}, {"raw_tp", "raw_tp"},
	{"tp_btf", "trace"}, {"fentry", "trace"}, {"fexit", "trace"}, {"fmod_ret", "trace"},
	{"fsession", "trace"},
	{"fentry.multi", "trace.multi"}, {"fexit.multi", "trace.multi"},
	{"fsession.multi", "trace.multi"},
	{"tc/ingress", "tcx-ingress"}, {"tcx/ingress", "tcx-ingress"}, {"tc/egress", "tcx-egress"},
	{"tcx/egress", "tcx-egress"},
	{"tc", "tc-ingress"}, {"classifier", "tc-ingress"},
	{"netkit/primary", "netkit-primary"}, {"netkit/peer", "netkit-peer"},
	{"action", "an action belongs to a filter, which tc(8) makes"},
	{"xdp/devmap", "it runs for packets that a device map redirects, whose values name it"},
	{"xdp/cpumap", "it runs for packets that a CPU map redirects, whose values name it"},
	{"xdp", "xdp"},
	{"perf_event", "perf:cpu-clock"},
	{"lwt_in", "lwt-in"}, {"lwt_out", "lwt-out"}, {"lwt_xmit", "lwt-xmit"},
	{"lwt_seg6local", "lwt-seg6local"},
	{"sk_skb", "sockmap"}, {"sk_msg", "sockmap"},
	{"sk_lookup", "netns:/proc/self/ns/net"}, {"flow_dissector", "netns:/proc/self/ns/net"},
	{"lirc_mode2", "lirc:/dev/lirc0"},
	{"netfilter", "netfilter:ip,input,0"},
	{"socket", "the process that has the socket attaches it (nolink.SetSocketFilter)"},
	{"sk_reuseport", "the process that has the sockets attaches it (nolink.SetReuseport)"},
	{"syscall", "it runs when asked to (Program.Run)"},
	{"struct_ops", "its struct_ops map is what is attached"},
	{"sockops", "cgroup"}, {"lsm_cgroup", "cgroup"}, {"cgroup_skb", "cgroup"}, {"cgroup", "cgroup"},
}

// byHand returns how to attach a program of a section by hand: a hook with the known part of its
// target, or why there is none.
func byHand(def *object.SecDef) (hook, why string) {
	if def == nil {
		return "", "its section is of no known kind"
	}
	// "uprobe.multi.s+" becomes uprobe.multi, "xdp.frags/devmap" becomes xdp/devmap.
	section := strings.TrimSuffix(def.Pattern, "+")
	section = strings.TrimSuffix(strings.TrimSuffix(section, ".s"), ".w")
	section = strings.Replace(section, ".frags", "", 1)
	folder, _, _ := strings.Cut(section, "/")
	for _, name := range []string{section, folder} {
		hook := name
		for _, row := range handHooks {
			if row.section == name {
				hook = row.hook
			}
		}
		if strings.Contains(hook, " ") {
			return "", hook
		}
		if strings.HasPrefix(hook, "tcx") &&
			kernel.Running().Version() < kernel.VersionCode(6, 6, 0) {
			hook = strings.Replace(hook, "tcx", "tc", 1)
		}
		name, _, full := strings.Cut(hook, ":")
		if kind := findHook(name); kind != nil && full {
			return hook, ""
		} else if kind != nil {
			return kind.short(), ""
		}
	}
	return "", "no hook is known for its section"
}

// leftover returns what was not attached, why, and which option attaches it.
func (r *runner) leftover(n bpf.NotAttached) string {
	if n.Program == nil {
		return fmt.Sprintf("map %s: %s; --attach %s=%s attaches it",
			n.Map.Name(), n.Reason, n.Map.Name(), hookStructOps)
	}
	p := n.Program
	text := fmt.Sprintf("program %s (SEC %s): ", p.Name(), p.Section())
	def := object.MatchSec(p.Section())
	hook, why := byHand(def)
	reason := n.Reason
	switch {
	case hook == "":
		return text + why
	case walksMap(p.Section()):
		hook, reason = hook+",map=MAP", "its section doesn't say which map to walk"
	case def.Pattern == "cgroup/skb" || def.Pattern == "sk_skb":
		hook, reason = hook+",type=TYPE", "its section leaves the attach type open"
	case def.Auto != object.AutoNone && p.Section() != strings.TrimSuffix(def.Pattern, "+"):
		hook = "auto" // its section says all
	}
	if p.Loaded() && strings.HasSuffix(hook, ":IFACE") && r.iface == "" {
		reason = "no --iface is given"
	}
	if p.Loaded() && strings.HasSuffix(hook, ":DIR") && r.cgroup == "" {
		reason = "no --cgroup is given"
	}
	hook = strings.Replace(hook, "IFACE", cmp.Or(r.iface, counterIface), 1)
	if dir, err := r.cgroupDir(); err == nil {
		hook = strings.Replace(hook, "cgroup:DIR", "cgroup:"+dir, 1)
	}
	return fmt.Sprintf("%s%s; --attach %s=%s attaches it", text, reason, p.Name(), hook)
}

// cgroupDir returns --cgroup, or the root of cgroup2 for command lines to type.
func (r *runner) cgroupDir() (string, error) {
	if r.cgroup != "" {
		return r.cgroup, nil
	}
	return rootCgroup()
}

// walksMap reports whether an iterator walks a map, which its section can't name.
func walksMap(section string) bool {
	kind, target, _ := strings.Cut(section, "/")
	return (kind == "iter" || kind == "iter.s") &&
		(target == "bpf_map_elem" || target == "bpf_sk_storage_map" || target == "sockmap")
}
