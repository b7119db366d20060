package linkinfo

import (
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Detail holds the fields that only links of one type have. It is one of *RawTracepoint, *Tracing,
// *Cgroup, *Iter, *Netns, *XDP, *Kprobe, *Uprobe, *Tracepoint, *PerfEvent, *KprobeMulti,
// *StructOps, *Netfilter, *TCX, *UprobeMulti, *Netkit and *SockMap. A Cookie is 0 where the kernel
// accepts cookies but doesn't report them; most report them from 6.9 on.
type Detail interface{ detail() }

// RawTracepoint describes a link of type uapi.LinkRawTracepoint: raw_tp and tp_btf programs.
type RawTracepoint struct {
	Tracepoint string
	Cookie     uint64 // 6.17
}

// Tracing describes a link of type uapi.LinkTracing: fentry and similar programs, LSM, freplace.
type Tracing struct {
	AttachType  uapi.AttachType
	TargetID    uint32 // BTF object or program of the function
	TargetBTFID uint32 // of the function
	Cookie      uint64 // 6.17
}

// Cgroup describes a link of type uapi.LinkCgroup.
type Cgroup struct {
	CgroupID   uint64 // inode of its directory
	AttachType uapi.AttachType
}

// Iter describes a link of type uapi.LinkIter. The other fields are those of bpf.IterMap,
// bpf.IterCgroup and bpf.IterTask.
type Iter struct {
	Target   string // "task", "bpf_map_elem"
	MapID    uint32
	CgroupID uint64
	Order    uapi.CgroupIterOrder
	TID, PID uint32
}

// Netns describes a link of type uapi.LinkNetns.
type Netns struct {
	Inode      uint32 // of the network namespace
	AttachType uapi.AttachType
}

// XDP describes a link of type uapi.LinkXDP.
type XDP struct{ IfIndex uint32 } // 0: the interface is gone

// TCX describes a link of type uapi.LinkTCX.
type TCX struct {
	IfIndex    uint32
	AttachType uapi.AttachType
}

// Netkit describes a link of type uapi.LinkNetkit.
type Netkit struct {
	IfIndex    uint32
	AttachType uapi.AttachType
}

// StructOps describes a link of type uapi.LinkStructOps.
type StructOps struct{ MapID uint32 }

// SockMap describes a link of type uapi.LinkSockMap.
type SockMap struct {
	MapID      uint32
	AttachType uapi.AttachType
}

// Netfilter describes a link of type uapi.LinkNetfilter.
type Netfilter struct {
	Family   uapi.NetfilterFamily
	Hook     uapi.NetfilterHook
	Priority int32
	Flags    uapi.NetfilterFlags
}

// Kprobe describes a link of type uapi.LinkPerfEvent with a kprobe (6.6).
type Kprobe struct {
	Return   bool
	Function string // "" for a probe by address
	Offset   uint32
	Address  uint64 // 0 if the caller may not see kernel addresses
	Missed   uint64 // runs that the kernel skipped
	Cookie   uint64
}

// Uprobe describes a link of type uapi.LinkPerfEvent with a uprobe (6.6).
type Uprobe struct {
	Return       bool
	Path         string
	Offset       uint32 // in the file
	RefCtrOffset uint64 // 6.16
	Cookie       uint64
}

// Tracepoint describes a link of type uapi.LinkPerfEvent with a tracepoint (6.6).
type Tracepoint struct {
	Tracepoint string // without its category
	Cookie     uint64
}

// PerfEvent describes a link of type uapi.LinkPerfEvent with another event (6.6).
type PerfEvent struct {
	EventType sys.PerfType
	Config    uint64
	Cookie    uint64
}

// KprobeMulti describes a link of type uapi.LinkKprobeMulti (6.6).
type KprobeMulti struct {
	Return    bool
	Missed    uint64
	Functions []KprobeMultiFunction
}

// KprobeMultiFunction is a function of a KprobeMulti.
type KprobeMultiFunction struct{ Address, Cookie uint64 }

// UprobeMulti describes a link of type uapi.LinkUprobeMulti (6.8).
type UprobeMulti struct {
	Path   string
	Return bool
	PID    uint32 // 0: every process
	Sites  []UprobeMultiSite
}

// UprobeMultiSite is one place of a UprobeMulti. Offsets are in the file.
type UprobeMultiSite struct{ Offset, RefCtrOffset, Cookie uint64 }

func (*RawTracepoint) detail() {}
func (*Tracing) detail()       {}
func (*Cgroup) detail()        {}
func (*Iter) detail()          {}
func (*Netns) detail()         {}
func (*XDP) detail()           {}
func (*TCX) detail()           {}
func (*Netkit) detail()        {}
func (*StructOps) detail()     {}
func (*SockMap) detail()       {}
func (*Netfilter) detail()     {}
func (*Kprobe) detail()        {}
func (*Uprobe) detail()        {}
func (*Tracepoint) detail()    {}
func (*PerfEvent) detail()     {}
func (*KprobeMulti) detail()   {}
func (*UprobeMulti) detail()   {}
