package uapi

// LinkType is enum bpf_link_type (libbpf_bpf_link_type_str).
type LinkType uint32

const (
	LinkUnspec        LinkType = 0  // BPF_LINK_TYPE_UNSPEC
	LinkRawTracepoint LinkType = 1  // BPF_LINK_TYPE_RAW_TRACEPOINT
	LinkTracing       LinkType = 2  // BPF_LINK_TYPE_TRACING
	LinkCgroup        LinkType = 3  // BPF_LINK_TYPE_CGROUP
	LinkIter          LinkType = 4  // BPF_LINK_TYPE_ITER
	LinkNetns         LinkType = 5  // BPF_LINK_TYPE_NETNS
	LinkXDP           LinkType = 6  // BPF_LINK_TYPE_XDP
	LinkPerfEvent     LinkType = 7  // BPF_LINK_TYPE_PERF_EVENT
	LinkKprobeMulti   LinkType = 8  // BPF_LINK_TYPE_KPROBE_MULTI
	LinkStructOps     LinkType = 9  // BPF_LINK_TYPE_STRUCT_OPS
	LinkNetfilter     LinkType = 10 // BPF_LINK_TYPE_NETFILTER
	LinkTCX           LinkType = 11 // BPF_LINK_TYPE_TCX
	LinkUprobeMulti   LinkType = 12 // BPF_LINK_TYPE_UPROBE_MULTI
	LinkNetkit        LinkType = 13 // BPF_LINK_TYPE_NETKIT
	LinkSockMap       LinkType = 14 // BPF_LINK_TYPE_SOCKMAP
	LinkTracingMulti  LinkType = 15 // BPF_LINK_TYPE_TRACING_MULTI
)

var linkTypeNames = [...]string{
	LinkUnspec:        "unspec",
	LinkRawTracepoint: "raw_tracepoint",
	LinkTracing:       "tracing",
	LinkCgroup:        "cgroup",
	LinkIter:          "iter",
	LinkNetns:         "netns",
	LinkXDP:           "xdp",
	LinkPerfEvent:     "perf_event",
	LinkKprobeMulti:   "kprobe_multi",
	LinkStructOps:     "struct_ops",
	LinkNetfilter:     "netfilter",
	LinkTCX:           "tcx",
	LinkUprobeMulti:   "uprobe_multi",
	LinkNetkit:        "netkit",
	LinkSockMap:       "sockmap",
	LinkTracingMulti:  "tracing_multi",
}

// String returns the name that libbpf and bpftool print, or LinkType(N) for a value that is not in
// this table.
func (t LinkType) String() string { return name(linkTypeNames[:], uint32(t), "LinkType") }
