package object

import (
	"strings"

	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/uapi"
)

// SecFlags are the properties of a SEC() kind, libbpf's SEC_* flags. They take effect when a
// program is loaded.
type SecFlags uint8

const (
	SecExpAttachOpt SecFlags = 1 << iota // expected_attach_type only for kernels that know it
	SecAttachBTF                         // needs a BTF target, the text after the first '/'
	SecSleepable                         // adds BPF_F_SLEEPABLE
	SecXDPFrags                          // adds BPF_F_XDP_HAS_FRAGS
	SecUSDT                              // becomes uprobe.multi where the kernel has it
	SecAttachable                        // legacy: libbpf_attach_type_by_name knows it
)

// SecDef is one row of the SEC() table: what a section name says about its programs.
type SecDef struct {
	// Pattern is the section name, without a leading '?':
	//
	//	"xdp"      exactly that
	//	"kprobe+"  "kprobe", or "kprobe/" and more
	//	"mine/"    anything that begins with "mine/" (rows of Options.Sections only)
	//	""         anything that no other row matches (rows of Options.Sections only)
	Pattern string
	Type    uapi.ProgType
	Attach  uapi.AttachType
	Flags   SecFlags
	Auto    AutoAttach
}

// AutoAttach is how programs of a SEC() kind attach automatically.
type AutoAttach uint8

const (
	// AutoNone is for programs that only the application can attach.
	AutoNone AutoAttach = iota
	// AutoKprobe is kprobe, kretprobe: "fn[+off]"; skipped without it.
	AutoKprobe
	// AutoKprobeMulti is kprobe.multi, kretprobe.multi: a glob; skipped without it.
	AutoKprobeMulti
	// AutoKprobeSession is kprobe.session: a glob; skipped without it.
	AutoKprobeSession
	// AutoUprobe is uprobe, uretprobe and their .s: "path:func[+off]"; skipped without it.
	AutoUprobe
	// AutoUprobeMulti is uprobe.multi, uretprobe.multi, uprobe.session and their .s: "path:glob";
	// skipped without it.
	AutoUprobeMulti
	// AutoKsyscall is ksyscall, kretsyscall: a system call's name; skipped without it.
	AutoKsyscall
	// AutoUSDT is usdt, usdt.s: "path:provider:name"; skipped without it.
	AutoUSDT
	// AutoTracepoint is tracepoint, tp: "category/name"; skipped without it.
	AutoTracepoint
	// AutoRawTracepoint is raw_tracepoint, raw_tp: a name; skipped without it.
	AutoRawTracepoint
	// AutoTrace is fentry, fexit, fmod_ret, fsession, tp_btf, freplace: the BTF target of the load.
	AutoTrace
	// AutoTracingMulti is fentry.multi, fexit.multi, fsession.multi: "[module:]glob"; skipped
	// without it.
	AutoTracingMulti
	// AutoLSM is lsm: the BTF target of the load.
	AutoLSM
	// AutoIter is iter: the BTF target of the load, without parameters.
	AutoIter
)

// Matches reports whether the row's pattern matches a section name that has no leading '?'.
func (d *SecDef) Matches(sec string) bool {
	p := d.Pattern
	if p == "" {
		return false
	}
	switch last := len(p) - 1; p[last] {
	case '+':
		return len(sec) >= last && sec[:last] == p[:last] && (len(sec) == last || sec[last] == '/')
	case '/':
		return strings.HasPrefix(sec, p)
	}
	return sec == p
}

// MatchSec returns the row of SecTable that matches a section name without its leading '?', nil if
// none does. It is the lookup of libbpf_prog_type_by_name.
func MatchSec(sec string) *SecDef {
	return matchSec(sec, nil)
}

// matchSec tries the application's own rows in order, then SecTable, then the application's row for
// everything else.
func matchSec(sec string, own []SecDef) *SecDef {
	for i := range own {
		if own[i].Matches(sec) {
			return &own[i]
		}
	}
	for i := range SecTable {
		if SecTable[i].Matches(sec) {
			return &SecTable[i]
		}
	}
	for i := range own {
		if own[i].Pattern == "" {
			return &own[i]
		}
	}
	return nil
}

// NearSec proposes rows of SecTable with patterns similar to a section name that matches none, as
// in "near: kprobe"; it returns "" if none is similar.
func NearSec(sec string) string {
	whole, folder := nearest.To(sec), sec
	if i := strings.IndexByte(sec, '/'); i >= 0 {
		folder = sec[:i]
	}
	kind := nearest.To(folder)
	for i := range SecTable {
		name, open := strings.CutSuffix(SecTable[i].Pattern, "+")
		whole.Offer([]byte(name))
		if open && folder != sec {
			kind.Offer([]byte(name))
		}
	}
	if hint := whole.Hint(); hint != "" {
		return hint
	}
	return kind.Hint()
}

// SecTable has every section name that libbpf 1.8 knows; the first row that matches wins. It must
// not be changed: an application puts its own rows into Options.Sections. A name that is not in the
// table, like "xdp/foo", matches nothing; prefixes that old libbpf accepted are not supported.
var SecTable = []SecDef{
	{"socket", uapi.ProgSocketFilter, 0, 0, AutoNone},
	{"sk_reuseport/migrate", uapi.ProgSKReuseport, uapi.AttachSKReuseportSelectOrMigrate,
		SecAttachable, AutoNone},
	{"sk_reuseport", uapi.ProgSKReuseport, uapi.AttachSKReuseportSelect, SecAttachable, AutoNone},

	{"kprobe+", uapi.ProgKprobe, 0, 0, AutoKprobe},
	{"uprobe+", uapi.ProgKprobe, 0, 0, AutoUprobe},
	{"uprobe.s+", uapi.ProgKprobe, 0, SecSleepable, AutoUprobe},
	{"kretprobe+", uapi.ProgKprobe, 0, 0, AutoKprobe},
	{"uretprobe+", uapi.ProgKprobe, 0, 0, AutoUprobe},
	{"uretprobe.s+", uapi.ProgKprobe, 0, SecSleepable, AutoUprobe},
	{"kprobe.multi+", uapi.ProgKprobe, uapi.AttachTraceKprobeMulti, 0, AutoKprobeMulti},
	{"kretprobe.multi+", uapi.ProgKprobe, uapi.AttachTraceKprobeMulti, 0, AutoKprobeMulti},
	{"kprobe.session+", uapi.ProgKprobe, uapi.AttachTraceKprobeSession, 0, AutoKprobeSession},
	{"uprobe.multi+", uapi.ProgKprobe, uapi.AttachTraceUprobeMulti, 0, AutoUprobeMulti},
	{"uretprobe.multi+", uapi.ProgKprobe, uapi.AttachTraceUprobeMulti, 0, AutoUprobeMulti},
	{"uprobe.session+", uapi.ProgKprobe, uapi.AttachTraceUprobeSession, 0, AutoUprobeMulti},
	{"uprobe.multi.s+", uapi.ProgKprobe, uapi.AttachTraceUprobeMulti, SecSleepable,
		AutoUprobeMulti},
	{"uretprobe.multi.s+", uapi.ProgKprobe, uapi.AttachTraceUprobeMulti, SecSleepable,
		AutoUprobeMulti},
	{"uprobe.session.s+", uapi.ProgKprobe, uapi.AttachTraceUprobeSession, SecSleepable,
		AutoUprobeMulti},
	{"ksyscall+", uapi.ProgKprobe, 0, 0, AutoKsyscall},
	{"kretsyscall+", uapi.ProgKprobe, 0, 0, AutoKsyscall},
	{"usdt+", uapi.ProgKprobe, 0, SecUSDT, AutoUSDT},
	{"usdt.s+", uapi.ProgKprobe, 0, SecUSDT | SecSleepable, AutoUSDT},

	{"tc/ingress", uapi.ProgSchedCls, uapi.AttachTCXIngress, 0, AutoNone},
	{"tc/egress", uapi.ProgSchedCls, uapi.AttachTCXEgress, 0, AutoNone},
	{"tcx/ingress", uapi.ProgSchedCls, uapi.AttachTCXIngress, 0, AutoNone},
	{"tcx/egress", uapi.ProgSchedCls, uapi.AttachTCXEgress, 0, AutoNone},
	{"tc", uapi.ProgSchedCls, 0, 0, AutoNone},
	{"classifier", uapi.ProgSchedCls, 0, 0, AutoNone},
	{"action", uapi.ProgSchedAct, 0, 0, AutoNone},
	{"netkit/primary", uapi.ProgSchedCls, uapi.AttachNetkitPrimary, 0, AutoNone},
	{"netkit/peer", uapi.ProgSchedCls, uapi.AttachNetkitPeer, 0, AutoNone},

	{"tracepoint+", uapi.ProgTracepoint, 0, 0, AutoTracepoint},
	{"tp+", uapi.ProgTracepoint, 0, 0, AutoTracepoint},
	{"tracepoint.s+", uapi.ProgTracepoint, 0, SecSleepable, AutoTracepoint},
	{"tp.s+", uapi.ProgTracepoint, 0, SecSleepable, AutoTracepoint},
	{"raw_tracepoint+", uapi.ProgRawTracepoint, 0, 0, AutoRawTracepoint},
	{"raw_tp+", uapi.ProgRawTracepoint, 0, 0, AutoRawTracepoint},
	{"raw_tracepoint.s+", uapi.ProgRawTracepoint, 0, SecSleepable, AutoRawTracepoint},
	{"raw_tp.s+", uapi.ProgRawTracepoint, 0, SecSleepable, AutoRawTracepoint},
	{"raw_tracepoint.w+", uapi.ProgRawTracepointWritable, 0, 0, AutoRawTracepoint},
	{"raw_tp.w+", uapi.ProgRawTracepointWritable, 0, 0, AutoRawTracepoint},

	{"tp_btf+", uapi.ProgTracing, uapi.AttachTraceRawTP, SecAttachBTF, AutoTrace},
	{"tp_btf.s+", uapi.ProgTracing, uapi.AttachTraceRawTP, SecAttachBTF | SecSleepable, AutoTrace},
	{"fentry+", uapi.ProgTracing, uapi.AttachTraceFentry, SecAttachBTF, AutoTrace},
	{"fmod_ret+", uapi.ProgTracing, uapi.AttachModifyReturn, SecAttachBTF, AutoTrace},
	{"fexit+", uapi.ProgTracing, uapi.AttachTraceFexit, SecAttachBTF, AutoTrace},
	{"fentry.s+", uapi.ProgTracing, uapi.AttachTraceFentry, SecAttachBTF | SecSleepable, AutoTrace},
	{"fmod_ret.s+", uapi.ProgTracing, uapi.AttachModifyReturn, SecAttachBTF | SecSleepable,
		AutoTrace},
	{"fexit.s+", uapi.ProgTracing, uapi.AttachTraceFexit, SecAttachBTF | SecSleepable, AutoTrace},
	{"fsession+", uapi.ProgTracing, uapi.AttachTraceFsession, SecAttachBTF, AutoTrace},
	{"fsession.s+", uapi.ProgTracing, uapi.AttachTraceFsession, SecAttachBTF | SecSleepable,
		AutoTrace},
	{"fentry.multi+", uapi.ProgTracing, uapi.AttachTraceFentryMulti, 0, AutoTracingMulti},
	{"fentry.multi.s+", uapi.ProgTracing, uapi.AttachTraceFentryMulti, SecSleepable,
		AutoTracingMulti},
	{"fexit.multi+", uapi.ProgTracing, uapi.AttachTraceFexitMulti, 0, AutoTracingMulti},
	{"fexit.multi.s+", uapi.ProgTracing, uapi.AttachTraceFexitMulti, SecSleepable,
		AutoTracingMulti},
	{"fsession.multi+", uapi.ProgTracing, uapi.AttachTraceFsessionMulti, 0, AutoTracingMulti},
	{"fsession.multi.s+", uapi.ProgTracing, uapi.AttachTraceFsessionMulti, SecSleepable,
		AutoTracingMulti},
	{"freplace+", uapi.ProgExt, 0, SecAttachBTF, AutoTrace},
	{"lsm+", uapi.ProgLSM, uapi.AttachLSMMac, SecAttachBTF, AutoLSM},
	{"lsm.s+", uapi.ProgLSM, uapi.AttachLSMMac, SecAttachBTF | SecSleepable, AutoLSM},
	{"lsm_cgroup+", uapi.ProgLSM, uapi.AttachLSMCgroup, SecAttachBTF, AutoNone},
	{"iter+", uapi.ProgTracing, uapi.AttachTraceIter, SecAttachBTF, AutoIter},
	{"iter.s+", uapi.ProgTracing, uapi.AttachTraceIter, SecAttachBTF | SecSleepable, AutoIter},
	{"syscall", uapi.ProgSyscall, 0, SecSleepable, AutoNone},

	{"xdp.frags/devmap", uapi.ProgXDP, uapi.AttachXDPDevMap, SecXDPFrags, AutoNone},
	{"xdp/devmap", uapi.ProgXDP, uapi.AttachXDPDevMap, SecAttachable, AutoNone},
	{"xdp.frags/cpumap", uapi.ProgXDP, uapi.AttachXDPCPUMap, SecXDPFrags, AutoNone},
	{"xdp/cpumap", uapi.ProgXDP, uapi.AttachXDPCPUMap, SecAttachable, AutoNone},
	{"xdp.frags", uapi.ProgXDP, uapi.AttachXDP, SecXDPFrags, AutoNone},
	{"xdp", uapi.ProgXDP, uapi.AttachXDP, SecAttachable | SecExpAttachOpt, AutoNone},
	{"perf_event", uapi.ProgPerfEvent, 0, 0, AutoNone},
	{"lwt_in", uapi.ProgLWTIn, 0, 0, AutoNone},
	{"lwt_out", uapi.ProgLWTOut, 0, 0, AutoNone},
	{"lwt_xmit", uapi.ProgLWTXmit, 0, 0, AutoNone},
	{"lwt_seg6local", uapi.ProgLWTSeg6Local, 0, 0, AutoNone},
	{"sockops", uapi.ProgSockOps, uapi.AttachCgroupSockOps, SecAttachable | SecExpAttachOpt,
		AutoNone},
	{"sk_skb/stream_parser", uapi.ProgSKSKB, uapi.AttachSKSKBStreamParser,
		SecAttachable | SecExpAttachOpt, AutoNone},
	{"sk_skb/stream_verdict", uapi.ProgSKSKB, uapi.AttachSKSKBStreamVerdict,
		SecAttachable | SecExpAttachOpt, AutoNone},
	{"sk_skb/verdict", uapi.ProgSKSKB, uapi.AttachSKSKBVerdict, SecAttachable | SecExpAttachOpt,
		AutoNone},
	{"sk_skb", uapi.ProgSKSKB, 0, 0, AutoNone},
	{"sk_msg", uapi.ProgSKMsg, uapi.AttachSKMsgVerdict, SecAttachable | SecExpAttachOpt, AutoNone},
	{"lirc_mode2", uapi.ProgLIRCMode2, uapi.AttachLIRCMode2, SecAttachable | SecExpAttachOpt,
		AutoNone},
	{"flow_dissector", uapi.ProgFlowDissector, uapi.AttachFlowDissector,
		SecAttachable | SecExpAttachOpt, AutoNone},

	{"cgroup_skb/ingress", uapi.ProgCgroupSKB, uapi.AttachCgroupInetIngress,
		SecAttachable | SecExpAttachOpt, AutoNone},
	{"cgroup_skb/egress", uapi.ProgCgroupSKB, uapi.AttachCgroupInetEgress,
		SecAttachable | SecExpAttachOpt, AutoNone},
	{"cgroup/skb", uapi.ProgCgroupSKB, 0, 0, AutoNone},
	{"cgroup/sock_create", uapi.ProgCgroupSock, uapi.AttachCgroupInetSockCreate, SecAttachable,
		AutoNone},
	{"cgroup/sock_release", uapi.ProgCgroupSock, uapi.AttachCgroupInetSockRelease, SecAttachable,
		AutoNone},
	{"cgroup/sock", uapi.ProgCgroupSock, uapi.AttachCgroupInetSockCreate,
		SecAttachable | SecExpAttachOpt, AutoNone},
	{"cgroup/post_bind4", uapi.ProgCgroupSock, uapi.AttachCgroupInet4PostBind, SecAttachable,
		AutoNone},
	{"cgroup/post_bind6", uapi.ProgCgroupSock, uapi.AttachCgroupInet6PostBind, SecAttachable,
		AutoNone},
	{"cgroup/bind4", uapi.ProgCgroupSockAddr, uapi.AttachCgroupInet4Bind, SecAttachable, AutoNone},
	{"cgroup/bind6", uapi.ProgCgroupSockAddr, uapi.AttachCgroupInet6Bind, SecAttachable, AutoNone},
	{"cgroup/connect4", uapi.ProgCgroupSockAddr, uapi.AttachCgroupInet4Connect, SecAttachable,
		AutoNone},
	{"cgroup/connect6", uapi.ProgCgroupSockAddr, uapi.AttachCgroupInet6Connect, SecAttachable,
		AutoNone},
	{"cgroup/connect_unix", uapi.ProgCgroupSockAddr, uapi.AttachCgroupUnixConnect, SecAttachable,
		AutoNone},
	{"cgroup/sendmsg4", uapi.ProgCgroupSockAddr, uapi.AttachCgroupUDP4SendMsg, SecAttachable,
		AutoNone},
	{"cgroup/sendmsg6", uapi.ProgCgroupSockAddr, uapi.AttachCgroupUDP6SendMsg, SecAttachable,
		AutoNone},
	{"cgroup/sendmsg_unix", uapi.ProgCgroupSockAddr, uapi.AttachCgroupUnixSendMsg, SecAttachable,
		AutoNone},
	{"cgroup/recvmsg4", uapi.ProgCgroupSockAddr, uapi.AttachCgroupUDP4RecvMsg, SecAttachable,
		AutoNone},
	{"cgroup/recvmsg6", uapi.ProgCgroupSockAddr, uapi.AttachCgroupUDP6RecvMsg, SecAttachable,
		AutoNone},
	{"cgroup/recvmsg_unix", uapi.ProgCgroupSockAddr, uapi.AttachCgroupUnixRecvMsg, SecAttachable,
		AutoNone},
	{"cgroup/getpeername4", uapi.ProgCgroupSockAddr, uapi.AttachCgroupInet4GetPeerName,
		SecAttachable, AutoNone},
	{"cgroup/getpeername6", uapi.ProgCgroupSockAddr, uapi.AttachCgroupInet6GetPeerName,
		SecAttachable, AutoNone},
	{"cgroup/getpeername_unix", uapi.ProgCgroupSockAddr, uapi.AttachCgroupUnixGetPeerName,
		SecAttachable, AutoNone},
	{"cgroup/getsockname4", uapi.ProgCgroupSockAddr, uapi.AttachCgroupInet4GetSockName,
		SecAttachable, AutoNone},
	{"cgroup/getsockname6", uapi.ProgCgroupSockAddr, uapi.AttachCgroupInet6GetSockName,
		SecAttachable, AutoNone},
	{"cgroup/getsockname_unix", uapi.ProgCgroupSockAddr, uapi.AttachCgroupUnixGetSockName,
		SecAttachable, AutoNone},
	{"cgroup/sysctl", uapi.ProgCgroupSysctl, uapi.AttachCgroupSysctl, SecAttachable, AutoNone},
	{"cgroup/getsockopt", uapi.ProgCgroupSockOpt, uapi.AttachCgroupGetSockOpt, SecAttachable,
		AutoNone},
	{"cgroup/setsockopt", uapi.ProgCgroupSockOpt, uapi.AttachCgroupSetSockOpt, SecAttachable,
		AutoNone},
	{"cgroup/dev", uapi.ProgCgroupDevice, uapi.AttachCgroupDevice, SecAttachable | SecExpAttachOpt,
		AutoNone},

	{"struct_ops+", uapi.ProgStructOps, 0, 0, AutoNone},
	{"struct_ops.s+", uapi.ProgStructOps, 0, SecSleepable, AutoNone},
	{"sk_lookup", uapi.ProgSKLookup, uapi.AttachSKLookup, SecAttachable, AutoNone},
	{"netfilter", uapi.ProgNetfilter, uapi.AttachNetfilter, 0, AutoNone},
}
