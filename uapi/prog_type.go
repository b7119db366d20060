package uapi

// ProgType is enum bpf_prog_type (libbpf_bpf_prog_type_str).
type ProgType uint32

const (
	ProgUnspec                ProgType = 0  // BPF_PROG_TYPE_UNSPEC
	ProgSocketFilter          ProgType = 1  // BPF_PROG_TYPE_SOCKET_FILTER
	ProgKprobe                ProgType = 2  // BPF_PROG_TYPE_KPROBE
	ProgSchedCls              ProgType = 3  // BPF_PROG_TYPE_SCHED_CLS
	ProgSchedAct              ProgType = 4  // BPF_PROG_TYPE_SCHED_ACT
	ProgTracepoint            ProgType = 5  // BPF_PROG_TYPE_TRACEPOINT
	ProgXDP                   ProgType = 6  // BPF_PROG_TYPE_XDP
	ProgPerfEvent             ProgType = 7  // BPF_PROG_TYPE_PERF_EVENT
	ProgCgroupSKB             ProgType = 8  // BPF_PROG_TYPE_CGROUP_SKB
	ProgCgroupSock            ProgType = 9  // BPF_PROG_TYPE_CGROUP_SOCK
	ProgLWTIn                 ProgType = 10 // BPF_PROG_TYPE_LWT_IN
	ProgLWTOut                ProgType = 11 // BPF_PROG_TYPE_LWT_OUT
	ProgLWTXmit               ProgType = 12 // BPF_PROG_TYPE_LWT_XMIT
	ProgSockOps               ProgType = 13 // BPF_PROG_TYPE_SOCK_OPS
	ProgSKSKB                 ProgType = 14 // BPF_PROG_TYPE_SK_SKB
	ProgCgroupDevice          ProgType = 15 // BPF_PROG_TYPE_CGROUP_DEVICE
	ProgSKMsg                 ProgType = 16 // BPF_PROG_TYPE_SK_MSG
	ProgRawTracepoint         ProgType = 17 // BPF_PROG_TYPE_RAW_TRACEPOINT
	ProgCgroupSockAddr        ProgType = 18 // BPF_PROG_TYPE_CGROUP_SOCK_ADDR
	ProgLWTSeg6Local          ProgType = 19 // BPF_PROG_TYPE_LWT_SEG6LOCAL
	ProgLIRCMode2             ProgType = 20 // BPF_PROG_TYPE_LIRC_MODE2
	ProgSKReuseport           ProgType = 21 // BPF_PROG_TYPE_SK_REUSEPORT
	ProgFlowDissector         ProgType = 22 // BPF_PROG_TYPE_FLOW_DISSECTOR
	ProgCgroupSysctl          ProgType = 23 // BPF_PROG_TYPE_CGROUP_SYSCTL
	ProgRawTracepointWritable ProgType = 24 // BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE
	ProgCgroupSockOpt         ProgType = 25 // BPF_PROG_TYPE_CGROUP_SOCKOPT
	ProgTracing               ProgType = 26 // BPF_PROG_TYPE_TRACING
	ProgStructOps             ProgType = 27 // BPF_PROG_TYPE_STRUCT_OPS
	ProgExt                   ProgType = 28 // BPF_PROG_TYPE_EXT
	ProgLSM                   ProgType = 29 // BPF_PROG_TYPE_LSM
	ProgSKLookup              ProgType = 30 // BPF_PROG_TYPE_SK_LOOKUP
	ProgSyscall               ProgType = 31 // BPF_PROG_TYPE_SYSCALL
	ProgNetfilter             ProgType = 32 // BPF_PROG_TYPE_NETFILTER
)

var progTypeNames = [...]string{
	ProgUnspec:                "unspec",
	ProgSocketFilter:          "socket_filter",
	ProgKprobe:                "kprobe",
	ProgSchedCls:              "sched_cls",
	ProgSchedAct:              "sched_act",
	ProgTracepoint:            "tracepoint",
	ProgXDP:                   "xdp",
	ProgPerfEvent:             "perf_event",
	ProgCgroupSKB:             "cgroup_skb",
	ProgCgroupSock:            "cgroup_sock",
	ProgLWTIn:                 "lwt_in",
	ProgLWTOut:                "lwt_out",
	ProgLWTXmit:               "lwt_xmit",
	ProgSockOps:               "sock_ops",
	ProgSKSKB:                 "sk_skb",
	ProgCgroupDevice:          "cgroup_device",
	ProgSKMsg:                 "sk_msg",
	ProgRawTracepoint:         "raw_tracepoint",
	ProgCgroupSockAddr:        "cgroup_sock_addr",
	ProgLWTSeg6Local:          "lwt_seg6local",
	ProgLIRCMode2:             "lirc_mode2",
	ProgSKReuseport:           "sk_reuseport",
	ProgFlowDissector:         "flow_dissector",
	ProgCgroupSysctl:          "cgroup_sysctl",
	ProgRawTracepointWritable: "raw_tracepoint_writable",
	ProgCgroupSockOpt:         "cgroup_sockopt",
	ProgTracing:               "tracing",
	ProgStructOps:             "struct_ops",
	ProgExt:                   "ext",
	ProgLSM:                   "lsm",
	ProgSKLookup:              "sk_lookup",
	ProgSyscall:               "syscall",
	ProgNetfilter:             "netfilter",
}

// String returns the name that libbpf and bpftool print, or ProgType(N) for a value that is not in
// this table.
func (t ProgType) String() string { return name(progTypeNames[:], uint32(t), "ProgType") }
