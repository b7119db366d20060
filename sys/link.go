package sys

import (
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/uapi"
)

// LinkCreateAttr is the attribute of BPF_LINK_CREATE: the fields of every link, and in Detail those
// of its attach type.
type LinkCreateAttr struct {
	ProgFD uint32 // or the fd of a struct_ops map
	// fd of a cgroup, netns, perf event, program, ...; interface index for XDP, tcx, netkit
	Target     uint32
	AttachType uapi.AttachType
	// of the link as a whole (uapi.FReplace, FBefore, ... of cgroup, tcx, netkit; XDP mode)
	Flags  uapi.AttachFlags
	Detail LinkDetail // nil if the attach type takes none
}

// LinkDetail is the part of BPF_LINK_CREATE that depends on the attach type. The kernel keeps these
// parts in a union; each type below is one of its variants.
type LinkDetail interface {
	create(*LinkCreateAttr) (int, syscall.Errno)
}

// LinkTargetBTF names the function that a freplace program replaces in another program
// (target_btf_id; 5.10).
type LinkTargetBTF struct {
	BTFID uint32
}

// LinkIter carries the parameters of an iterator, a union bpf_iter_link_info (iter_info; 5.9).
type LinkIter struct {
	Info Pointer
	Len  uint32
	_    uint32
}

// LinkPerfEvent is a link to a perf event: kprobe, uprobe, tracepoint, ... (perf_event; 5.15).
type LinkPerfEvent struct {
	Cookie uint64
}

// LinkKprobeMulti attaches to many functions at once (kprobe_multi; 5.18). Either Syms (pointers to
// names) or Addrs has Count elements, Cookies too unless it is NULL.
type LinkKprobeMulti struct {
	Flags   KprobeMultiFlags
	Count   uint32
	Syms    Pointer
	Addrs   Pointer
	Cookies Pointer
}

// LinkTracing is a link of fentry, fexit, fmod_ret, LSM or freplace (tracing; cookie since 6.0).
type LinkTracing struct {
	TargetBTFID uint32
	_           uint32
	Cookie      uint64
}

// LinkNetfilter is a hook into netfilter (netfilter; 6.4).
type LinkNetfilter struct {
	PF       uapi.NetfilterFamily
	HookNum  uapi.NetfilterHook
	Priority int32
	Flags    uapi.NetfilterFlags
}

// LinkAnchor is the place of a tcx, netkit (6.6, 6.7) or cgroup (6.16) link among others: Relative
// is a descriptor, or an id when the link's Flags have uapi.FID.
type LinkAnchor struct {
	Relative         uint32
	_                uint32
	ExpectedRevision uint64
}

// LinkUprobeMulti attaches to many places of one binary (uprobe_multi; 6.6). Path is
// NUL-terminated; the arrays have Count elements, those but Offsets may be NULL.
type LinkUprobeMulti struct {
	Path          Pointer
	Offsets       Pointer
	RefCtrOffsets Pointer
	Cookies       Pointer
	Count         uint32
	Flags         UprobeMultiFlags
	PID           uint32
	PathFD        uint32 // the binary in place of Path, with UprobeMultiPathFD (7.2)
}

// KprobeMultiFlags are the flags of LinkKprobeMulti.
type KprobeMultiFlags uint32

const KprobeMultiReturn KprobeMultiFlags = 1 << 0 // BPF_F_KPROBE_MULTI_RETURN

// UprobeMultiFlags are the flags of LinkUprobeMulti.
type UprobeMultiFlags uint32

const (
	UprobeMultiReturn UprobeMultiFlags = 1 << 0 // BPF_F_UPROBE_MULTI_RETURN
	UprobeMultiPathFD UprobeMultiFlags = 1 << 1 // BPF_F_UPROBE_MULTI_PATH_FD
)

// LinkTracingMulti attaches fentry, fexit or fsession programs to many functions (tracing_multi;
// kernels after 7.0).
type LinkTracingMulti struct {
	IDs     Pointer // BTF ids, 32 bits each
	Cookies Pointer
	Count   uint32
	_       uint32
}

type linkHead struct {
	progFD, target uint32
	attachType     uapi.AttachType
	flags          uapi.AttachFlags
}

func (a *LinkCreateAttr) head() linkHead {
	return linkHead{a.ProgFD, a.Target, a.AttachType, a.Flags}
}

// wire is the attribute as the kernel reads it. D starts at offset 16 whatever its alignment.
type wire[D any] struct {
	linkHead
	detail D
}

func linkCreate[D any](a *LinkCreateAttr, d *D, tail uintptr) (int, syscall.Errno) {
	w := wire[D]{a.head(), *d}
	return funnel.BPF(uapi.CmdLinkCreate, unsafe.Pointer(&w),
		unsafe.Offsetof(w.detail)+unsafe.Sizeof(*d)-tail)
}

func (d *LinkTargetBTF) create(a *LinkCreateAttr) (int, syscall.Errno) {
	return linkCreate(a, d, 0)
}
func (d *LinkIter) create(a *LinkCreateAttr) (int, syscall.Errno) {
	return linkCreate(a, d, 4)
}
func (d *LinkPerfEvent) create(a *LinkCreateAttr) (int, syscall.Errno) {
	return linkCreate(a, d, 0)
}
func (d *LinkKprobeMulti) create(a *LinkCreateAttr) (int, syscall.Errno) {
	return linkCreate(a, d, 0)
}
func (d *LinkTracing) create(a *LinkCreateAttr) (int, syscall.Errno) {
	return linkCreate(a, d, 0)
}
func (d *LinkNetfilter) create(a *LinkCreateAttr) (int, syscall.Errno) {
	return linkCreate(a, d, 0)
}
func (d *LinkAnchor) create(a *LinkCreateAttr) (int, syscall.Errno) { return linkCreate(a, d, 0) }
func (d *LinkUprobeMulti) create(a *LinkCreateAttr) (int, syscall.Errno) {
	if d.Flags&UprobeMultiPathFD != 0 {
		return linkCreate(a, d, 0)
	}
	return linkCreate(a, d, 4)
}
func (d *LinkTracingMulti) create(a *LinkCreateAttr) (int, syscall.Errno) {
	return linkCreate(a, d, 4)
}

// LinkCreate attaches a program by a link (BPF_LINK_CREATE, libbpf bpf_link_create; 5.7, more
// attach types later). The program stays attached until the last descriptor or pin of the link is
// gone. The caller closes the FD.
func LinkCreate(a *LinkCreateAttr) (*FD, error) {
	var r int
	var e syscall.Errno
	if a.Detail != nil {
		r, e = a.Detail.create(a)
	} else {
		h := a.head()
		r, e = funnel.BPF(uapi.CmdLinkCreate, unsafe.Pointer(&h), unsafe.Sizeof(h))
	}
	if e != 0 {
		return nil, e
	}
	return NewFD(r)
}

// LinkUpdateAttr is the attribute of BPF_LINK_UPDATE. New and Old are program fds, or struct_ops
// map fds.
type LinkUpdateAttr struct {
	LinkFD uint32
	New    uint32
	Flags  uapi.AttachFlags // uapi.FReplace: only if Old is attached now
	Old    uint32
}

// LinkUpdate atomically replaces the program (or the struct_ops map, 6.4) of a link
// (BPF_LINK_UPDATE, libbpf bpf_link_update). EPERM if Old isn't attached.
func LinkUpdate(a *LinkUpdateAttr) error {
	_, e := funnel.BPF(uapi.CmdLinkUpdate, unsafe.Pointer(a), unsafe.Sizeof(*a))
	return errnoErr(e)
}

// LinkDetach detaches a link, which stays without a target (BPF_LINK_DETACH, libbpf
// bpf_link_detach; 5.9). EOPNOTSUPP if links of its type can't be detached.
func LinkDetach(link int) error {
	a := struct{ link uint32 }{uint32(link)}
	_, e := funnel.BPF(uapi.CmdLinkDetach, unsafe.Pointer(&a), unsafe.Sizeof(a))
	return errnoErr(e)
}

// RawTracepointOpen attaches a raw tracepoint program to the tracepoint called name, or with name
// "" a program whose target was given at load: fentry, fexit, fmod_ret, tp_btf, LSM
// (BPF_RAW_TRACEPOINT_OPEN, libbpf bpf_raw_tracepoint_open_opts; 4.17). A cookie needs 6.10.
// Closing the FD detaches.
func RawTracepointOpen(name string, prog int, cookie uint64) (*FD, error) {
	var a struct {
		name   Pointer
		prog   uint32
		_      uint32
		cookie uint64
	}
	if name != "" {
		p, err := CString(name)
		if err != nil {
			return nil, err
		}
		a.name = p
	}
	a.prog, a.cookie = uint32(prog), cookie
	size := unsafe.Offsetof(a.prog) + unsafe.Sizeof(a.prog)
	if cookie != 0 {
		size = unsafe.Sizeof(a)
	}
	return bpfFD(uapi.CmdRawTracepointOpen, unsafe.Pointer(&a), size)
}

// IterCreate makes a readable descriptor of an iterator link; each read runs the program
// (BPF_ITER_CREATE, libbpf bpf_iter_create; 5.8). The caller closes it.
func IterCreate(link int) (*FD, error) {
	a := struct{ link, flags uint32 }{link: uint32(link)}
	return bpfFD(uapi.CmdIterCreate, unsafe.Pointer(&a), unsafe.Sizeof(a))
}
