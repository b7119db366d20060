package link

import (
	"fmt"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/uapi"
)

// detailText prints the lines that links of one type have.
func detailText(r *tool.Run, l *linkinfo.Info) {
	attachType := func(t uapi.AttachType) { r.Printf("attach_type %s  ", tool.TypeName(t)) }
	cookie := func(n uint64) {
		if n != 0 {
			r.Printf("cookie %d  ", n)
		}
	}
	dev := func(index uint32) {
		if name := device(index); index == 0 {
			r.Printf("\n\tifindex %s  ", name)
		} else {
			r.Printf("\n\tifindex %s(%d)  ", name, index)
		}
	}
	switch d := l.Detail.(type) {
	case *linkinfo.RawTracepoint:
		r.Printf("\n\ttp '%s'  ", d.Tracepoint)
		cookie(d.Cookie)
	case *linkinfo.Tracing:
		if t, ok := progType(l.ProgramID); ok {
			r.Printf("\n\tprog_type %s  ", tool.TypeName(t))
		}
		attachType(d.AttachType)
		if d.TargetID != 0 || d.TargetBTFID != 0 {
			r.Printf("\n\ttarget_obj_id %d  target_btf_id %d  ", d.TargetID, d.TargetBTFID)
		}
		cookie(d.Cookie)
	case *linkinfo.Cgroup:
		r.Printf("\n\tcgroup_id %d  ", d.CgroupID)
		attachType(d.AttachType)
	case *linkinfo.Iter:
		iterText(r, d)
	case *linkinfo.Netns:
		r.Printf("\n\tnetns_ino %d  ", d.Inode)
		attachType(d.AttachType)
	case *linkinfo.Netfilter:
		netfilterText(r, d)
	case *linkinfo.TCX:
		dev(d.IfIndex)
		attachType(d.AttachType)
	case *linkinfo.Netkit:
		dev(d.IfIndex)
		attachType(d.AttachType)
	case *linkinfo.SockMap:
		r.Printf("\n\tmap_id %d  ", d.MapID)
		attachType(d.AttachType)
	case *linkinfo.XDP:
		dev(d.IfIndex)
	case *linkinfo.KprobeMulti:
		kprobeMultiText(r, d)
	case *linkinfo.UprobeMulti:
		uprobeMultiText(r, d)
	case *linkinfo.Kprobe:
		kprobeText(r, d)
	case *linkinfo.Uprobe:
		r.Printf("\n\t%s %s+%#x  ", probe("uprobe", d.Return), d.Path, d.Offset)
		cookie(d.Cookie)
		if d.RefCtrOffset != 0 {
			r.Printf("ref_ctr_offset 0x%x  ", d.RefCtrOffset)
		}
	case *linkinfo.Tracepoint:
		r.Printf("\n\ttracepoint %s  ", d.Tracepoint)
		cookie(d.Cookie)
	case *linkinfo.PerfEvent:
		kind, config := eventNames(d)
		if kind == "" {
			kind = fmt.Sprintf("%d ", uint32(d.EventType))
		}
		if config == "" {
			config = fmt.Sprint(d.Config)
		}
		r.Printf("\n\tevent %s:%s  ", kind, config)
		cookie(d.Cookie)
	}
}

// probe returns the name of a probe, of functions that are entered or that return.
func probe(name string, isReturn bool) string {
	if isReturn {
		return name[:1] + "ret" + name[1:]
	}
	return name
}

func iterText(r *tool.Run, d *linkinfo.Iter) {
	r.Printf("target_name %s  ", d.Target)
	switch {
	case isMap(d.Target):
		r.Printf("map_id %d  ", d.MapID)
	case isCgroup(d.Target):
		r.Printf("cgroup_id %d  order %s  ", d.CgroupID, orderName(d.Order))
	case isTask(d.Target) && d.TID != 0:
		r.Printf("tid %d ", d.TID)
	case isTask(d.Target) && d.PID != 0:
		r.Printf("pid %d ", d.PID)
	}
}

// families and the names of the hooks are those that bpftool prints.
var (
	families = [...]string{1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
	arpHooks = [...]string{"input", "output", "forward"}
)

func netfilterText(r *tool.Run, d *linkinfo.Netfilter) {
	family, hook := "", ""
	if int(d.Family) < len(families) {
		family = families[d.Family]
	}
	hooks := tool.NetfilterHooks()
	if family == "arp" {
		hooks = arpHooks[:]
	}
	if int(d.Hook) < len(hooks) && family != "netdev" {
		hook = hooks[d.Hook]
	}
	if family != "" {
		r.Printf("\n\t%s", family)
	} else {
		r.Printf("\n\tpf: %d", uint32(d.Family))
	}
	if hook != "" {
		r.Printf(" %s", hook)
	} else {
		r.Printf(", hook %d,", uint32(d.Hook))
	}
	r.Printf(" prio %d", d.Priority)
	if d.Flags != 0 {
		r.Printf(" flags 0x%x", uint32(d.Flags))
	}
}

func kprobeMultiText(r *tool.Run, d *linkinfo.KprobeMulti) {
	r.Printf("\n\t%s.multi  func_cnt %d  ", probe("kprobe", d.Return), len(d.Functions))
	if d.Missed != 0 {
		r.Printf("missed %d  ", d.Missed)
	}
	list := sites(d)
	if len(list) == 0 {
		return
	}
	r.Printf("\n\t%-16s %-16s %s", "addr", "cookie", "func [module]")
	for _, f := range list {
		r.Printf("\n\t%016x %-16x %s", f.address, f.cookie, f.name)
		if f.module != "" {
			r.Printf(" [%s]", f.module)
		}
		r.Printf("  ")
	}
}

func uprobeMultiText(r *tool.Run, d *linkinfo.UprobeMulti) {
	r.Printf("\n\t%s.multi  path %s  func_cnt %d  ", probe("uprobe", d.Return), d.Path,
		len(d.Sites))
	if d.PID != 0 {
		r.Printf("pid %d  ", int32(d.PID))
	}
	r.Printf("\n\t%-16s   %-16s   %-16s", "offset", "ref_ctr_offset", "cookies")
	for _, s := range d.Sites {
		r.Printf("\n\t0x%-16x 0x%-16x 0x%-16x", s.Offset, s.RefCtrOffset, s.Cookie)
	}
}

func kprobeText(r *tool.Run, d *linkinfo.Kprobe) {
	r.Printf("\n\t%s ", probe("kprobe", d.Return))
	if d.Address != 0 {
		r.Printf("%x ", d.Address)
	}
	r.Printf("%s", d.Function)
	if d.Offset != 0 {
		r.Printf("+%#x", d.Offset)
	}
	if d.Missed != 0 {
		r.Printf("  missed %d", d.Missed)
	}
	if d.Cookie != 0 {
		r.Printf("  cookie %d", d.Cookie)
	}
	r.Printf("  ")
}
