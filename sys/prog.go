package sys

import (
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/uapi"
)

// ProgLoadAttr is the attribute of BPF_PROG_LOAD. Type, InsnCnt, Insns and License are always
// needed.
type ProgLoadAttr struct {
	Type               uapi.ProgType
	InsnCnt            uint32  // slots of 8 bytes
	Insns              Pointer // in host byte order
	License            Pointer // NUL-terminated
	LogLevel           uapi.LogLevel
	LogSize            uint32
	LogBuf             Pointer
	KernVersion        uint32
	Flags              uapi.ProgFlags
	Name               ObjName         // 4.15
	IfIndex            uint32          // 4.16
	ExpectedAttachType uapi.AttachType // 4.17
	BTFFD              uint32          // 4.20
	FuncInfoRecSize    uint32
	FuncInfo           Pointer
	FuncInfoCnt        uint32
	LineInfoRecSize    uint32 // 5.0
	LineInfo           Pointer
	LineInfoCnt        uint32
	AttachBTFID        uint32 // 5.5
	AttachFD           uint32 // attach_prog_fd, or attach_btf_obj_fd (5.11)
	CoreReloCnt        uint32 // 5.17, only for light skeletons
	FDArray            Pointer
	CoreRelos          Pointer
	CoreReloRecSize    uint32
	LogTrueSize        uint32 // out, 6.4
	TokenFD            int32  // 6.9; needs uapi.FProgTokenFD
	FDArrayCnt         uint32 // 6.14
	Signature          Pointer
	SignatureSize      uint32
	KeyringID          int32
}

// ProgLoadAttempts is how often ProgLoad tries while the kernel returns EAGAIN (libbpf's default).
const ProgLoadAttempts = 5

// ProgLoad verifies and loads a program (BPF_PROG_LOAD; ProgLoadLog adds libbpf's log
// protocol). The caller closes the FD. Needs CAP_BPF, and CAP_PERFMON or CAP_NET_ADMIN by type. It
// retries EAGAIN (a signal arrived while the verifier ran); E2BIG, EACCES, EINVAL, EPERM and others
// come from the verifier; ENOSPC means that the log buffer was too small.
func ProgLoad(a *ProgLoadAttr) (*FD, error) {
	fd, _, err := ProgLoadCounted(a)
	return fd, err
}

// ProgLoadCounted does the same as ProgLoad and returns the number of attempts.
func ProgLoadCounted(a *ProgLoadAttr) (fd *FD, attempts int, err error) {
	return progLoad(a, 0)
}

// progLoad makes up to most attempts; 0 means ProgLoadAttempts.
func progLoad(a *ProgLoadAttr, most int) (fd *FD, attempts int, err error) {
	if most <= 0 {
		most = ProgLoadAttempts
	}
	size := unsafe.Offsetof(a.Signature)
	if !a.Signature.IsNil() || a.KeyringID != 0 {
		size = unsafe.Sizeof(*a)
	}
	r, e := funnel.BPF(uapi.CmdProgLoad, unsafe.Pointer(a), size)
	attempts = 1
	if e == syscall.EAGAIN {
		withoutRuntimeSignals(func() {
			for ; attempts < most && e == syscall.EAGAIN; attempts++ {
				r, e = funnel.BPF(uapi.CmdProgLoad, unsafe.Pointer(a), size)
			}
		})
	}
	if e != 0 {
		return nil, attempts, e
	}
	fd, err = NewFD(r)
	return fd, attempts, err
}

// ProgAttachAttr is the attribute of BPF_PROG_ATTACH and BPF_PROG_DETACH.
type ProgAttachAttr struct {
	Target           uint32 // fd of a cgroup, map, netns, ...; interface index for tcx and netkit
	ProgFD           uint32
	AttachType       uapi.AttachType
	Flags            uapi.AttachFlags
	ReplaceFD        uint32 // with uapi.FReplace
	Relative         uint32 // fd, or id with uapi.FID
	ExpectedRevision uint64 // 6.6
}

// ProgAttach attaches a program without a link (BPF_PROG_ATTACH, libbpf bpf_prog_attach_opts):
// cgroups, sockmaps, flow dissector, lirc, tcx, netkit.
func ProgAttach(a *ProgAttachAttr) error {
	_, e := funnel.BPF(uapi.CmdProgAttach, unsafe.Pointer(a), unsafe.Sizeof(*a))
	return errnoErr(e)
}

// ProgDetach undoes ProgAttach (BPF_PROG_DETACH, libbpf bpf_prog_detach_opts). ENOENT if the
// program isn't attached there.
func ProgDetach(a *ProgAttachAttr) error {
	_, e := funnel.BPF(uapi.CmdProgDetach, unsafe.Pointer(a), unsafe.Sizeof(*a))
	return errnoErr(e)
}

// ProgQueryAttr is the attribute of BPF_PROG_QUERY. The arrays have room for Count elements; Count
// and the other outputs are set even on error: with ENOSPC, Count is the number of programs.
type ProgQueryAttr struct {
	Target          uint32
	AttachType      uapi.AttachType
	QueryFlags      uapi.QueryFlags
	AttachFlags     uapi.AttachFlags // out
	ProgIDs         Pointer
	Count           uint32 // in/out
	_               uint32
	ProgAttachFlags Pointer // 6.1
	LinkIDs         Pointer // 6.6
	LinkAttachFlags Pointer
	Revision        uint64 // out, 6.6
}

// ProgQuery lists the programs attached to a target (BPF_PROG_QUERY, libbpf bpf_prog_query_opts).
func ProgQuery(a *ProgQueryAttr) error {
	_, e := funnel.BPF(uapi.CmdProgQuery, unsafe.Pointer(a), unsafe.Sizeof(*a))
	return errnoErr(e)
}

// ProgTestRunAttr is the attribute of BPF_PROG_TEST_RUN.
type ProgTestRunAttr struct {
	ProgFD      uint32
	Retval      uint32 // out
	DataSizeIn  uint32
	DataSizeOut uint32 // in: room, out: length
	DataIn      Pointer
	DataOut     Pointer
	Repeat      uint32
	Duration    uint32 // out: mean, in nanoseconds
	CtxSizeIn   uint32
	CtxSizeOut  uint32
	CtxIn       Pointer
	CtxOut      Pointer
	Flags       uapi.RunFlags
	CPU         uint32
	BatchSize   uint32
	_           uint32
}

// ProgTestRun runs a program on given data and context (BPF_PROG_TEST_RUN, libbpf
// bpf_prog_test_run_opts; 4.12, more types later). ENOSPC if an output didn't fit (its size is
// set), ENOTSUPP if the program type can't be run. With Repeat > 1 the Go runtime's signals are
// blocked, because each would end the run; EINTR is from another signal and never retried.
func ProgTestRun(a *ProgTestRunAttr) (err error) {
	if a.Repeat > 1 {
		withoutRuntimeSignals(func() { err = progTestRun(a) })
		return err
	}
	return progTestRun(a)
}

func progTestRun(a *ProgTestRunAttr) error {
	_, e := funnel.BPF(uapi.CmdProgTestRun, unsafe.Pointer(a),
		unsafe.Offsetof(a.BatchSize)+unsafe.Sizeof(a.BatchSize))
	return errnoErr(e)
}

// ProgBindMap keeps a map alive as long as a program that doesn't refer to it (BPF_PROG_BIND_MAP,
// libbpf bpf_prog_bind_map; 5.10).
func ProgBindMap(prog, mapFD int, flags uint32) error {
	a := struct{ prog, mapFD, flags uint32 }{uint32(prog), uint32(mapFD), flags}
	_, e := funnel.BPF(uapi.CmdProgBindMap, unsafe.Pointer(&a), unsafe.Sizeof(a))
	return errnoErr(e)
}

// StatsKind is a statistic that the kernel keeps on request, enum bpf_stats_type.
type StatsKind uint32

// StatsRunTime is BPF_STATS_RUN_TIME: run_time_ns and run_cnt of every program, which are RunTime
// and RunCount of objinfo.Program.
const StatsRunTime StatsKind = 0

// EnableStats enables a statistic while the FD is open (BPF_ENABLE_STATS, libbpf bpf_enable_stats;
// 5.8). Needs CAP_SYS_ADMIN.
func EnableStats(kind StatsKind) (*FD, error) {
	a := struct{ kind StatsKind }{kind}
	return bpfFD(uapi.CmdEnableStats, unsafe.Pointer(&a), unsafe.Sizeof(a))
}

// Stream is an output of a program, enum bpf_stream_id.
type Stream uint32

const (
	StreamStdout Stream = 1 // BPF_STREAM_STDOUT
	StreamStderr Stream = 2 // BPF_STREAM_STDERR
)

// ProgStreamRead reads the output of a program from one of its streams and returns the number of
// bytes, 0 if there is none (BPF_PROG_STREAM_READ_BY_FD, libbpf bpf_prog_stream_read; 6.17).
func ProgStreamRead(prog int, stream Stream, buf []byte) (int, error) {
	a := struct {
		buf    Pointer
		size   uint32
		stream Stream
		prog   uint32
		_      uint32
	}{buf: Slice(buf), size: uint32(len(buf)), stream: stream, prog: uint32(prog)}
	n, e := funnel.BPF(uapi.CmdProgStreamReadByFD, unsafe.Pointer(&a), unsafe.Offsetof(a.prog)+4)
	return n, errnoErr(e)
}

// ProgAssocStructOps sets the struct_ops map for the kfuncs that a program calls
// (BPF_PROG_ASSOC_STRUCT_OPS, libbpf bpf_prog_assoc_struct_ops; 6.19).
func ProgAssocStructOps(prog, mapFD int, flags uint32) error {
	a := struct{ mapFD, prog, flags uint32 }{uint32(mapFD), uint32(prog), flags}
	_, e := funnel.BPF(uapi.CmdProgAssocStructOps, unsafe.Pointer(&a), unsafe.Sizeof(a))
	return errnoErr(e)
}
