package uapi

// AttachType is enum bpf_attach_type (libbpf_bpf_attach_type_str).
type AttachType uint32

const (
	AttachCgroupInetIngress          AttachType = 0  // BPF_CGROUP_INET_INGRESS
	AttachCgroupInetEgress           AttachType = 1  // BPF_CGROUP_INET_EGRESS
	AttachCgroupInetSockCreate       AttachType = 2  // BPF_CGROUP_INET_SOCK_CREATE
	AttachCgroupSockOps              AttachType = 3  // BPF_CGROUP_SOCK_OPS
	AttachSKSKBStreamParser          AttachType = 4  // BPF_SK_SKB_STREAM_PARSER
	AttachSKSKBStreamVerdict         AttachType = 5  // BPF_SK_SKB_STREAM_VERDICT
	AttachCgroupDevice               AttachType = 6  // BPF_CGROUP_DEVICE
	AttachSKMsgVerdict               AttachType = 7  // BPF_SK_MSG_VERDICT
	AttachCgroupInet4Bind            AttachType = 8  // BPF_CGROUP_INET4_BIND
	AttachCgroupInet6Bind            AttachType = 9  // BPF_CGROUP_INET6_BIND
	AttachCgroupInet4Connect         AttachType = 10 // BPF_CGROUP_INET4_CONNECT
	AttachCgroupInet6Connect         AttachType = 11 // BPF_CGROUP_INET6_CONNECT
	AttachCgroupInet4PostBind        AttachType = 12 // BPF_CGROUP_INET4_POST_BIND
	AttachCgroupInet6PostBind        AttachType = 13 // BPF_CGROUP_INET6_POST_BIND
	AttachCgroupUDP4SendMsg          AttachType = 14 // BPF_CGROUP_UDP4_SENDMSG
	AttachCgroupUDP6SendMsg          AttachType = 15 // BPF_CGROUP_UDP6_SENDMSG
	AttachLIRCMode2                  AttachType = 16 // BPF_LIRC_MODE2
	AttachFlowDissector              AttachType = 17 // BPF_FLOW_DISSECTOR
	AttachCgroupSysctl               AttachType = 18 // BPF_CGROUP_SYSCTL
	AttachCgroupUDP4RecvMsg          AttachType = 19 // BPF_CGROUP_UDP4_RECVMSG
	AttachCgroupUDP6RecvMsg          AttachType = 20 // BPF_CGROUP_UDP6_RECVMSG
	AttachCgroupGetSockOpt           AttachType = 21 // BPF_CGROUP_GETSOCKOPT
	AttachCgroupSetSockOpt           AttachType = 22 // BPF_CGROUP_SETSOCKOPT
	AttachTraceRawTP                 AttachType = 23 // BPF_TRACE_RAW_TP
	AttachTraceFentry                AttachType = 24 // BPF_TRACE_FENTRY
	AttachTraceFexit                 AttachType = 25 // BPF_TRACE_FEXIT
	AttachModifyReturn               AttachType = 26 // BPF_MODIFY_RETURN
	AttachLSMMac                     AttachType = 27 // BPF_LSM_MAC
	AttachTraceIter                  AttachType = 28 // BPF_TRACE_ITER
	AttachCgroupInet4GetPeerName     AttachType = 29 // BPF_CGROUP_INET4_GETPEERNAME
	AttachCgroupInet6GetPeerName     AttachType = 30 // BPF_CGROUP_INET6_GETPEERNAME
	AttachCgroupInet4GetSockName     AttachType = 31 // BPF_CGROUP_INET4_GETSOCKNAME
	AttachCgroupInet6GetSockName     AttachType = 32 // BPF_CGROUP_INET6_GETSOCKNAME
	AttachXDPDevMap                  AttachType = 33 // BPF_XDP_DEVMAP
	AttachCgroupInetSockRelease      AttachType = 34 // BPF_CGROUP_INET_SOCK_RELEASE
	AttachXDPCPUMap                  AttachType = 35 // BPF_XDP_CPUMAP
	AttachSKLookup                   AttachType = 36 // BPF_SK_LOOKUP
	AttachXDP                        AttachType = 37 // BPF_XDP
	AttachSKSKBVerdict               AttachType = 38 // BPF_SK_SKB_VERDICT
	AttachSKReuseportSelect          AttachType = 39 // BPF_SK_REUSEPORT_SELECT
	AttachSKReuseportSelectOrMigrate AttachType = 40 // BPF_SK_REUSEPORT_SELECT_OR_MIGRATE
	AttachPerfEvent                  AttachType = 41 // BPF_PERF_EVENT
	AttachTraceKprobeMulti           AttachType = 42 // BPF_TRACE_KPROBE_MULTI
	AttachLSMCgroup                  AttachType = 43 // BPF_LSM_CGROUP
	AttachStructOps                  AttachType = 44 // BPF_STRUCT_OPS
	AttachNetfilter                  AttachType = 45 // BPF_NETFILTER
	AttachTCXIngress                 AttachType = 46 // BPF_TCX_INGRESS
	AttachTCXEgress                  AttachType = 47 // BPF_TCX_EGRESS
	AttachTraceUprobeMulti           AttachType = 48 // BPF_TRACE_UPROBE_MULTI
	AttachCgroupUnixConnect          AttachType = 49 // BPF_CGROUP_UNIX_CONNECT
	AttachCgroupUnixSendMsg          AttachType = 50 // BPF_CGROUP_UNIX_SENDMSG
	AttachCgroupUnixRecvMsg          AttachType = 51 // BPF_CGROUP_UNIX_RECVMSG
	AttachCgroupUnixGetPeerName      AttachType = 52 // BPF_CGROUP_UNIX_GETPEERNAME
	AttachCgroupUnixGetSockName      AttachType = 53 // BPF_CGROUP_UNIX_GETSOCKNAME
	AttachNetkitPrimary              AttachType = 54 // BPF_NETKIT_PRIMARY
	AttachNetkitPeer                 AttachType = 55 // BPF_NETKIT_PEER
	AttachTraceKprobeSession         AttachType = 56 // BPF_TRACE_KPROBE_SESSION
	AttachTraceUprobeSession         AttachType = 57 // BPF_TRACE_UPROBE_SESSION
	AttachTraceFsession              AttachType = 58 // BPF_TRACE_FSESSION
	AttachTraceFentryMulti           AttachType = 59 // BPF_TRACE_FENTRY_MULTI
	AttachTraceFexitMulti            AttachType = 60 // BPF_TRACE_FEXIT_MULTI
	AttachTraceFsessionMulti         AttachType = 61 // BPF_TRACE_FSESSION_MULTI
)

var attachTypeNames = [...]string{
	AttachCgroupInetIngress:          "cgroup_inet_ingress",
	AttachCgroupInetEgress:           "cgroup_inet_egress",
	AttachCgroupInetSockCreate:       "cgroup_inet_sock_create",
	AttachCgroupSockOps:              "cgroup_sock_ops",
	AttachSKSKBStreamParser:          "sk_skb_stream_parser",
	AttachSKSKBStreamVerdict:         "sk_skb_stream_verdict",
	AttachCgroupDevice:               "cgroup_device",
	AttachSKMsgVerdict:               "sk_msg_verdict",
	AttachCgroupInet4Bind:            "cgroup_inet4_bind",
	AttachCgroupInet6Bind:            "cgroup_inet6_bind",
	AttachCgroupInet4Connect:         "cgroup_inet4_connect",
	AttachCgroupInet6Connect:         "cgroup_inet6_connect",
	AttachCgroupInet4PostBind:        "cgroup_inet4_post_bind",
	AttachCgroupInet6PostBind:        "cgroup_inet6_post_bind",
	AttachCgroupUDP4SendMsg:          "cgroup_udp4_sendmsg",
	AttachCgroupUDP6SendMsg:          "cgroup_udp6_sendmsg",
	AttachLIRCMode2:                  "lirc_mode2",
	AttachFlowDissector:              "flow_dissector",
	AttachCgroupSysctl:               "cgroup_sysctl",
	AttachCgroupUDP4RecvMsg:          "cgroup_udp4_recvmsg",
	AttachCgroupUDP6RecvMsg:          "cgroup_udp6_recvmsg",
	AttachCgroupGetSockOpt:           "cgroup_getsockopt",
	AttachCgroupSetSockOpt:           "cgroup_setsockopt",
	AttachTraceRawTP:                 "trace_raw_tp",
	AttachTraceFentry:                "trace_fentry",
	AttachTraceFexit:                 "trace_fexit",
	AttachModifyReturn:               "modify_return",
	AttachLSMMac:                     "lsm_mac",
	AttachTraceIter:                  "trace_iter",
	AttachCgroupInet4GetPeerName:     "cgroup_inet4_getpeername",
	AttachCgroupInet6GetPeerName:     "cgroup_inet6_getpeername",
	AttachCgroupInet4GetSockName:     "cgroup_inet4_getsockname",
	AttachCgroupInet6GetSockName:     "cgroup_inet6_getsockname",
	AttachXDPDevMap:                  "xdp_devmap",
	AttachCgroupInetSockRelease:      "cgroup_inet_sock_release",
	AttachXDPCPUMap:                  "xdp_cpumap",
	AttachSKLookup:                   "sk_lookup",
	AttachXDP:                        "xdp",
	AttachSKSKBVerdict:               "sk_skb_verdict",
	AttachSKReuseportSelect:          "sk_reuseport_select",
	AttachSKReuseportSelectOrMigrate: "sk_reuseport_select_or_migrate",
	AttachPerfEvent:                  "perf_event",
	AttachTraceKprobeMulti:           "trace_kprobe_multi",
	AttachLSMCgroup:                  "lsm_cgroup",
	AttachStructOps:                  "struct_ops",
	AttachNetfilter:                  "netfilter",
	AttachTCXIngress:                 "tcx_ingress",
	AttachTCXEgress:                  "tcx_egress",
	AttachTraceUprobeMulti:           "trace_uprobe_multi",
	AttachCgroupUnixConnect:          "cgroup_unix_connect",
	AttachCgroupUnixSendMsg:          "cgroup_unix_sendmsg",
	AttachCgroupUnixRecvMsg:          "cgroup_unix_recvmsg",
	AttachCgroupUnixGetPeerName:      "cgroup_unix_getpeername",
	AttachCgroupUnixGetSockName:      "cgroup_unix_getsockname",
	AttachNetkitPrimary:              "netkit_primary",
	AttachNetkitPeer:                 "netkit_peer",
	AttachTraceKprobeSession:         "trace_kprobe_session",
	AttachTraceUprobeSession:         "trace_uprobe_session",
	AttachTraceFsession:              "trace_fsession",
	AttachTraceFentryMulti:           "trace_fentry_multi",
	AttachTraceFexitMulti:            "trace_fexit_multi",
	AttachTraceFsessionMulti:         "trace_fsession_multi",
}

// String returns the name that libbpf and bpftool print, or AttachType(N) for a value that is not
// in this table.
func (t AttachType) String() string { return name(attachTypeNames[:], uint32(t), "AttachType") }
