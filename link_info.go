package bpf

import (
	"bytes"

	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// LinkInfo is what the kernel says of a link (libbpf bpf_link_get_info_by_fd).
type LinkInfo struct {
	ID        uint32
	Type      uapi.LinkType
	ProgramID uint32     // 0 for LinkStructOps
	Detail    LinkDetail // what is attached where, by Type; nil if the kernel doesn't say or the type is not known here
}

// LinkDetail is what only links of one type have: one of *RawTracepointLink, *TracingLink, *CgroupLink, *IterLink, *NetnsLink, *XDPLink,
// *KprobeLink, *UprobeLink, *TracepointLink, *PerfEventLink, *KprobeMultiLink, *StructOpsLink, *NetfilterLink, *TCXLink,
// *UprobeMultiLink, *NetkitLink and *SockMapLink. Cookies are 0 on kernels that take but don't tell them (mostly before 6.9).
type LinkDetail interface{ linkDetail() }

// RawTracepointLink is of LinkRawTracepoint: raw_tp and tp_btf programs.
type RawTracepointLink struct {
	Tracepoint string
	Cookie     uint64 // 6.17
}

// TracingLink is of LinkTracing: fentry and its kin, LSM, freplace.
type TracingLink struct {
	AttachType  uapi.AttachType
	TargetID    uint32 // of the BTF object, or of the program, whose function it is
	TargetBTFID uint32 // of the function
	Cookie      uint64 // 6.17
}

// CgroupLink is of LinkCgroup.
type CgroupLink struct {
	CgroupID   uint64 // inode of its directory
	AttachType uapi.AttachType
}

// IterLink is of LinkIter. The other fields are those of IterOptions.
type IterLink struct {
	Target   string // "task", "bpf_map_elem"
	MapID    uint32
	CgroupID uint64
	Order    CgroupOrder
	TID, PID uint32
}

// NetnsLink is of LinkNetns.
type NetnsLink struct {
	Inode      uint32 // of the network namespace
	AttachType uapi.AttachType
}

// XDPLink is of LinkXDP.
type XDPLink struct{ IfIndex uint32 } // 0: the interface is gone

// TCXLink is of LinkTCX.
type TCXLink struct {
	IfIndex    uint32
	AttachType uapi.AttachType
}

// NetkitLink is of LinkNetkit.
type NetkitLink struct {
	IfIndex    uint32
	AttachType uapi.AttachType
}

// StructOpsLink is of LinkStructOps.
type StructOpsLink struct{ MapID uint32 }

// SockMapLink is of LinkSockMap.
type SockMapLink struct {
	MapID      uint32
	AttachType uapi.AttachType
}

// NetfilterLink is of LinkNetfilter.
type NetfilterLink struct {
	Family   uint32 // NFPROTO_IPV4, ...
	Hook     uint32 // NF_INET_PRE_ROUTING, ...
	Priority int32
	Flags    uint32
}

// KprobeLink is of LinkPerfEvent with a kprobe (6.6).
type KprobeLink struct {
	Return   bool
	Function string // "" for a probe by address
	Offset   uint32
	Address  uint64 // 0 if the caller may not see kernel addresses
	Missed   uint64 // runs that the kernel left out
	Cookie   uint64
}

// UprobeLink is of LinkPerfEvent with a uprobe (6.6).
type UprobeLink struct {
	Return       bool
	Path         string
	Offset       uint32 // in the file
	RefCtrOffset uint64 // 6.16
	Cookie       uint64
}

// TracepointLink is of LinkPerfEvent with a tracepoint (6.6).
type TracepointLink struct {
	Tracepoint string // without its category
	Cookie     uint64
}

// PerfEventLink is of LinkPerfEvent with another event (6.6).
type PerfEventLink struct {
	EventType uint32 // PERF_TYPE_HARDWARE, ...
	Config    uint64
	Cookie    uint64
}

// KprobeMultiLink is of LinkKprobeMulti (6.6).
type KprobeMultiLink struct {
	Return    bool
	Missed    uint64
	Functions []KprobeMultiFunction
}

// KprobeMultiFunction is a function of a KprobeMultiLink.
type KprobeMultiFunction struct{ Address, Cookie uint64 }

// UprobeMultiLink is of LinkUprobeMulti (6.8).
type UprobeMultiLink struct {
	Path   string
	Return bool
	PID    uint32 // 0: every process
	Sites  []UprobeMultiSite
}

// UprobeMultiSite is one place of a UprobeMultiLink. Offsets are in the file.
type UprobeMultiSite struct{ Offset, RefCtrOffset, Cookie uint64 }

func (*RawTracepointLink) linkDetail() {}
func (*TracingLink) linkDetail()       {}
func (*CgroupLink) linkDetail()        {}
func (*IterLink) linkDetail()          {}
func (*NetnsLink) linkDetail()         {}
func (*XDPLink) linkDetail()           {}
func (*TCXLink) linkDetail()           {}
func (*NetkitLink) linkDetail()        {}
func (*StructOpsLink) linkDetail()     {}
func (*SockMapLink) linkDetail()       {}
func (*NetfilterLink) linkDetail()     {}
func (*KprobeLink) linkDetail()        {}
func (*UprobeLink) linkDetail()        {}
func (*TracepointLink) linkDetail()    {}
func (*PerfEventLink) linkDetail()     {}
func (*KprobeMultiLink) linkDetail()   {}
func (*UprobeMultiLink) linkDetail()   {}

// Info asks the kernel about the link (5.8).
func (l *Link) Info() (*LinkInfo, error) {
	if err := l.kernelLink("inspect"); err != nil {
		return nil, err
	}
	raw, err := sys.LinkInfoByFD(l.fd.Int())
	if err != nil {
		return nil, l.fail("inspect", err)
	}
	info, err := linkInfo(l.fd.Int(), raw)
	if err != nil {
		return nil, l.fail("inspect", err)
	}
	return info, nil
}

// linkInfo tells more of a link than the first answer, raw, which says what it is and how much there is to tell: where that has names or
// lists, it asks again with room for them.
func linkInfo(fd int, raw *sys.LinkInfo) (info *LinkInfo, err error) {
	info = &LinkInfo{ID: raw.ID, Type: raw.Type, ProgramID: raw.ProgID}
	switch raw.Type {
	case uapi.LinkRawTracepoint:
		info.Detail, err = rawTracepointLink(fd)
	case uapi.LinkTracing:
		d := sys.LinkInfoAs[sys.TracingInfo](raw)
		info.Detail = &TracingLink{AttachType: d.AttachType, TargetID: d.TargetObjID, TargetBTFID: d.TargetBTFID, Cookie: d.Cookie}
	case uapi.LinkCgroup:
		d := sys.LinkInfoAs[sys.CgroupInfo](raw)
		info.Detail = &CgroupLink{CgroupID: d.CgroupID, AttachType: d.AttachType}
	case uapi.LinkIter:
		info.Detail, err = iterLink(fd, raw)
	case uapi.LinkNetns:
		d := sys.LinkInfoAs[sys.NetnsInfo](raw)
		info.Detail = &NetnsLink{Inode: d.NetnsIno, AttachType: d.AttachType}
	case uapi.LinkXDP:
		info.Detail = &XDPLink{IfIndex: sys.LinkInfoAs[sys.IfaceInfo](raw).IfIndex}
	case uapi.LinkTCX:
		d := sys.LinkInfoAs[sys.IfaceInfo](raw)
		info.Detail = &TCXLink{IfIndex: d.IfIndex, AttachType: d.AttachType}
	case uapi.LinkNetkit:
		d := sys.LinkInfoAs[sys.IfaceInfo](raw)
		info.Detail = &NetkitLink{IfIndex: d.IfIndex, AttachType: d.AttachType}
	case uapi.LinkStructOps:
		info.Detail = &StructOpsLink{MapID: sys.LinkInfoAs[sys.MapLinkInfo](raw).MapID}
	case uapi.LinkSockMap:
		d := sys.LinkInfoAs[sys.MapLinkInfo](raw)
		info.Detail = &SockMapLink{MapID: d.MapID, AttachType: d.AttachType}
	case uapi.LinkNetfilter:
		d := sys.LinkInfoAs[sys.NetfilterInfo](raw)
		info.Detail = &NetfilterLink{Family: d.PF, Hook: d.HookNum, Priority: d.Priority, Flags: d.Flags}
	case uapi.LinkPerfEvent:
		info.Detail, err = perfEventLink(fd, raw)
	case uapi.LinkKprobeMulti:
		info.Detail, err = kprobeMultiLink(fd, raw)
	case uapi.LinkUprobeMulti:
		info.Detail, err = uprobeMultiLink(fd, raw)
	}
	if err != nil {
		return nil, err
	}
	return info, nil
}

// nameRoom is enough for a path, the longest name that a link has.
const nameRoom = 4096

// text is the part of b before the first NUL.
func text(b []byte) string {
	if n := bytes.IndexByte(b, 0); n >= 0 {
		b = b[:n]
	}
	return string(b)
}

func rawTracepointLink(fd int) (LinkDetail, error) {
	name := make([]byte, nameRoom)
	d := sys.RawTracepointInfo{Name: sys.Slice(name), NameLen: nameRoom}
	if _, err := sys.LinkDetailByFD(fd, &d); err != nil {
		return nil, err
	}
	return &RawTracepointLink{Tracepoint: text(name), Cookie: d.Cookie}, nil
}

func iterLink(fd int, raw *sys.LinkInfo) (LinkDetail, error) {
	name := make([]byte, nameRoom)
	d := sys.IterInfo{TargetName: sys.Slice(name), TargetNameLen: nameRoom}
	if _, err := sys.LinkDetailByFD(fd, &d); err != nil {
		return nil, err
	}
	l := &IterLink{Target: text(name), MapID: d.MapID}
	switch l.Target {
	case "cgroup":
		c := sys.LinkInfoAs[sys.IterCgroupInfo](raw)
		l.CgroupID, l.Order = c.CgroupID, CgroupOrder(c.Order)
	case "task", "task_file", "task_vma":
		l.TID, l.PID = d.Words[0], d.Words[1]
	}
	return l, nil
}

func perfEventLink(fd int, raw *sys.LinkInfo) (LinkDetail, error) {
	event := sys.LinkInfoAs[sys.PlainEventInfo](raw)
	kind := event.Type
	switch kind {
	case 0: // before 6.6
		return nil, nil
	case sys.PerfEventTypeEvent:
		return &PerfEventLink{EventType: event.EventType, Config: event.Config, Cookie: event.Cookie}, nil
	}
	name := make([]byte, nameRoom)
	d := sys.PerfEventInfo{Name: sys.Slice(name), NameLen: nameRoom}
	if _, err := sys.LinkDetailByFD(fd, &d); err != nil {
		return nil, err
	}
	switch kind {
	case sys.PerfEventTypeUprobe, sys.PerfEventTypeUretprobe:
		return &UprobeLink{
			Return: kind == sys.PerfEventTypeUretprobe, Path: text(name), Offset: d.Offset, Cookie: d.A, RefCtrOffset: d.B,
		}, nil
	case sys.PerfEventTypeKprobe, sys.PerfEventTypeKretprobe:
		return &KprobeLink{
			Return: kind == sys.PerfEventTypeKretprobe, Function: text(name), Offset: d.Offset, Address: d.A, Missed: d.B, Cookie: d.C,
		}, nil
	case sys.PerfEventTypeTracepoint:
		return &TracepointLink{Tracepoint: text(name), Cookie: d.A}, nil
	}
	return nil, nil
}

func kprobeMultiLink(fd int, raw *sys.LinkInfo) (LinkDetail, error) {
	first := sys.LinkInfoAs[sys.KprobeMultiInfo](raw)
	addrs, cookies := make([]uint64, first.Count), make([]uint64, first.Count)
	d := sys.KprobeMultiInfo{Count: first.Count, Addrs: sys.Slice(addrs), Cookies: sys.Slice(cookies)}
	if first.Count == 0 {
		return nil, nil // before 6.6
	}
	if _, err := sys.LinkDetailByFD(fd, &d); err != nil {
		return nil, err
	}
	l := &KprobeMultiLink{
		Return: d.Flags&sys.KprobeMultiReturn != 0, Missed: d.Missed, Functions: make([]KprobeMultiFunction, len(addrs)),
	}
	for i := range addrs {
		l.Functions[i] = KprobeMultiFunction{addrs[i], cookies[i]}
	}
	return l, nil
}

func uprobeMultiLink(fd int, raw *sys.LinkInfo) (LinkDetail, error) {
	first := sys.LinkInfoAs[sys.UprobeMultiInfo](raw)
	n := first.Count
	if n == 0 {
		return nil, nil // before 6.8
	}
	path := make([]byte, nameRoom)
	offsets, counters, cookies := make([]uint64, n), make([]uint64, n), make([]uint64, n)
	d := sys.UprobeMultiInfo{
		Path: sys.Slice(path), PathSize: nameRoom, Count: n,
		Offsets: sys.Slice(offsets), RefCtrOffsets: sys.Slice(counters), Cookies: sys.Slice(cookies),
	}
	if _, err := sys.LinkDetailByFD(fd, &d); err != nil {
		return nil, err
	}
	l := &UprobeMultiLink{
		Path: text(path), Return: d.Flags&sys.UprobeMultiReturn != 0, PID: d.PID, Sites: make([]UprobeMultiSite, n),
	}
	for i := range offsets {
		l.Sites[i] = UprobeMultiSite{offsets[i], counters[i], cookies[i]}
	}
	return l, nil
}
