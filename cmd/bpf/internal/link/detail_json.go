package link

import (
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/uapi"
)

// detailJSON writes the keys that links of one type have.
func detailJSON(j *tool.JSON, l *linkinfo.Info) {
	attachType := func(t uapi.AttachType) {
		j.Key("attach_type")
		tool.Type(j, t)
	}
	dev := func(index uint32) {
		j.StringKey("devname", device(index))
		j.UintKey("ifindex", uint64(index))
	}
	switch d := l.Detail.(type) {
	case *linkinfo.RawTracepoint:
		j.StringKey("tp_name", d.Tracepoint)
		j.UintKey("cookie", d.Cookie)
	case *linkinfo.Tracing:
		if t, ok := progType(l.ProgramID); ok {
			j.Key("prog_type")
			tool.Type(j, t)
		}
		attachType(d.AttachType)
		j.UintKey("target_obj_id", uint64(d.TargetID))
		j.UintKey("target_btf_id", uint64(d.TargetBTFID))
		j.UintKey("cookie", d.Cookie)
	case *linkinfo.Cgroup:
		j.UintKey("cgroup_id", d.CgroupID)
		attachType(d.AttachType)
	case *linkinfo.Iter:
		iterJSON(j, d)
	case *linkinfo.Netns:
		j.UintKey("netns_ino", uint64(d.Inode))
		attachType(d.AttachType)
	case *linkinfo.Netfilter:
		j.UintKey("pf", uint64(d.Family))
		j.UintKey("hook", uint64(d.Hook))
		j.IntKey("prio", int64(d.Priority))
		j.UintKey("flags", uint64(d.Flags))
	case *linkinfo.TCX:
		dev(d.IfIndex)
		attachType(d.AttachType)
	case *linkinfo.Netkit:
		dev(d.IfIndex)
		attachType(d.AttachType)
	case *linkinfo.SockMap:
		j.UintKey("map_id", uint64(d.MapID))
		attachType(d.AttachType)
	case *linkinfo.XDP:
		dev(d.IfIndex)
	case *linkinfo.StructOps:
		j.UintKey("map_id", uint64(d.MapID))
	case *linkinfo.KprobeMulti:
		kprobeMultiJSON(j, d)
	case *linkinfo.UprobeMulti:
		uprobeMultiJSON(j, d)
	case *linkinfo.Kprobe:
		j.BoolKey("retprobe", d.Return)
		j.UintKey("addr", d.Address)
		j.StringKey("func", d.Function)
		j.UintKey("offset", uint64(d.Offset))
		j.UintKey("missed", d.Missed)
		j.UintKey("cookie", d.Cookie)
	case *linkinfo.Uprobe:
		j.BoolKey("retprobe", d.Return)
		j.StringKey("file", d.Path)
		j.UintKey("offset", uint64(d.Offset))
		j.UintKey("cookie", d.Cookie)
		j.UintKey("ref_ctr_offset", d.RefCtrOffset)
	case *linkinfo.Tracepoint:
		j.StringKey("tracepoint", d.Tracepoint)
		j.UintKey("cookie", d.Cookie)
	case *linkinfo.PerfEvent:
		kind, config := eventNames(d)
		nameOrNumber(j, "event_type", kind, uint64(d.EventType))
		nameOrNumber(j, "event_config", config, d.Config)
		j.UintKey("cookie", d.Cookie)
	}
}

func nameOrNumber(j *tool.JSON, key, name string, n uint64) {
	j.Key(key)
	if name == "" {
		j.Uint(n)
	} else {
		j.String(name)
	}
}

func iterJSON(j *tool.JSON, d *linkinfo.Iter) {
	j.StringKey("target_name", d.Target)
	switch {
	case isMap(d.Target):
		j.UintKey("map_id", uint64(d.MapID))
	case isCgroup(d.Target):
		j.UintKey("cgroup_id", d.CgroupID)
		j.StringKey("order", orderName(d.Order))
	case isTask(d.Target) && d.TID != 0:
		j.UintKey("tid", uint64(d.TID))
	case isTask(d.Target) && d.PID != 0:
		j.UintKey("pid", uint64(d.PID))
	}
}

func kprobeMultiJSON(j *tool.JSON, d *linkinfo.KprobeMulti) {
	j.BoolKey("retprobe", d.Return)
	j.UintKey("func_cnt", uint64(len(d.Functions)))
	j.UintKey("missed", d.Missed)
	j.Key("funcs")
	j.Array()
	for _, f := range sites(d) {
		j.Object()
		j.UintKey("addr", f.address)
		j.StringKey("func", f.name)
		j.Key("module")
		if f.module == "" {
			j.Null()
		} else {
			j.String(f.module)
		}
		j.UintKey("cookie", f.cookie)
		j.EndObject()
	}
	j.EndArray()
}

func uprobeMultiJSON(j *tool.JSON, d *linkinfo.UprobeMulti) {
	j.BoolKey("retprobe", d.Return)
	j.StringKey("path", d.Path)
	j.UintKey("func_cnt", uint64(len(d.Sites)))
	j.IntKey("pid", int64(int32(d.PID)))
	j.Key("funcs")
	j.Array()
	for _, s := range d.Sites {
		j.Object()
		j.UintKey("offset", s.Offset)
		j.UintKey("ref_ctr_offset", s.RefCtrOffset)
		j.UintKey("cookie", s.Cookie)
		j.EndObject()
	}
	j.EndArray()
}
