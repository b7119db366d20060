package sys

import (
	"strings"
	"unsafe"

	"github.com/purebpf/bpf/uapi"
)

// ProgInfo is struct bpf_prog_info. The pointers are inputs: arrays with room for as many elements
// as their length field says; the kernel sets each length to the number of elements that exist.
type ProgInfo struct {
	Type                 uapi.ProgType
	ID                   uint32
	Tag                  [8]byte
	JitedProgLen         uint32
	XlatedProgLen        uint32
	JitedProgInsns       Pointer
	XlatedProgInsns      Pointer
	LoadTime             uint64 // nanoseconds since boot
	CreatedByUID         uint32
	NrMapIDs             uint32
	MapIDs               Pointer
	Name                 ObjName
	IfIndex              uint32
	GPLCompatible        uint32 // a bit field; see GPL
	NetnsDev             uint64
	NetnsIno             uint64
	NrJitedKsyms         uint32
	NrJitedFuncLens      uint32
	JitedKsyms           Pointer
	JitedFuncLens        Pointer
	BTFID                uint32
	FuncInfoRecSize      uint32
	FuncInfo             Pointer
	NrFuncInfo           uint32
	NrLineInfo           uint32
	LineInfo             Pointer
	JitedLineInfo        Pointer
	NrJitedLineInfo      uint32
	LineInfoRecSize      uint32
	JitedLineInfoRecSize uint32
	NrProgTags           uint32
	ProgTags             Pointer
	RunTimeNs            uint64
	RunCnt               uint64
	RecursionMisses      uint64 // 5.12
	VerifiedInsns        uint32 // 5.16
	AttachBTFObjID       uint32 // 6.0
	AttachBTFID          uint32
	_                    uint32
}

// GPL reports whether the program's licence is compatible with the GPL. (In C it is a bit field of
// one bit, the lowest of the word on little-endian machines and the highest on big-endian ones;
// nothing else is in that word.)
func (i *ProgInfo) GPL() bool { return i.GPLCompatible != 0 }

// MapInfo is struct bpf_map_info.
type MapInfo struct {
	Type                  uapi.MapType
	ID                    uint32
	KeySize               uint32
	ValueSize             uint32
	MaxEntries            uint32
	Flags                 uapi.MapFlags
	Name                  ObjName
	IfIndex               uint32
	BTFVmlinuxValueTypeID uint32
	NetnsDev              uint64
	NetnsIno              uint64
	BTFID                 uint32
	BTFKeyTypeID          uint32
	BTFValueTypeID        uint32
	BTFVmlinuxID          uint32
	MapExtra              uint64
	Hash                  Pointer // in: room for HashSize bytes; 6.18
	HashSize              uint32
	_                     uint32
}

// TokenInfo is struct bpf_token_info: a bit for each number of a uapi.Cmd, MapType, ProgType and
// AttachType.
type TokenInfo struct{ Cmds, Maps, Progs, Attachs uint64 }

// BTFInfo is struct bpf_btf_info. BTF and Name are inputs with room for Size and NameLen bytes.
type BTFInfo struct {
	BTF       Pointer
	Size      uint32
	ID        uint32
	Name      Pointer
	NameLen   uint32
	KernelBTF uint32 // 1: vmlinux or a module
}

// LinkInfo is struct bpf_link_info: the fields of every link, and Detail, a union by Type.
// LinkInfoAs reads the union; LinkDetailByFD queries it with buffers for the names.
type LinkInfo struct {
	Type   uapi.LinkType
	ID     uint32
	ProgID uint32
	_      uint32
	Detail [6]uint64
}

// Variants of LinkInfo.Detail. Pointers are inputs, with room for as much as their length field
// says.
type (
	// RawTracepointInfo is the variant for LinkRawTracepoint.
	RawTracepointInfo struct {
		Name    Pointer
		NameLen uint32
		_       uint32
		Cookie  uint64
	}
	// TracingInfo is the variant for LinkTracing.
	TracingInfo struct {
		AttachType  uapi.AttachType
		TargetObjID uint32 // program id, or BTF object id
		TargetBTFID uint32
		_           uint32
		Cookie      uint64
	}
	// CgroupInfo is the variant for LinkCgroup.
	CgroupInfo struct {
		CgroupID   uint64
		AttachType uapi.AttachType
		_          uint32
	}
	// IterInfo is the variant for LinkIter. MapID is for iterators over map elements; Words is tid
	// and pid, or what IterCgroupInfo has.
	IterInfo struct {
		TargetName    Pointer
		TargetNameLen uint32
		MapID         uint32
		Words         [4]uint32
	}
	// IterCgroupInfo is the variant for LinkIter with an iterator over cgroups.
	IterCgroupInfo struct {
		_        [2]uint64
		CgroupID uint64
		Order    uint32
		_        uint32
	}
	// NetnsInfo is the variant for LinkNetns.
	NetnsInfo struct {
		NetnsIno   uint32
		AttachType uapi.AttachType
	}
	// IfaceInfo is the variant for LinkXDP (no AttachType), LinkTCX and LinkNetkit.
	IfaceInfo struct {
		IfIndex    uint32
		AttachType uapi.AttachType
	}
	// MapLinkInfo is the variant for LinkStructOps (no AttachType) and LinkSockMap.
	MapLinkInfo struct {
		MapID      uint32
		AttachType uapi.AttachType
	}
	// NetfilterInfo is the variant for LinkNetfilter.
	NetfilterInfo struct {
		PF       uapi.NetfilterFamily
		HookNum  uapi.NetfilterHook
		Priority int32
		Flags    uapi.NetfilterFlags
	}
	// KprobeMultiInfo is the variant for LinkKprobeMulti. Addrs and Cookies have room for Count
	// elements.
	KprobeMultiInfo struct {
		Addrs   Pointer
		Count   uint32
		Flags   KprobeMultiFlags
		Missed  uint64
		Cookies Pointer
	}
	// UprobeMultiInfo is the variant for LinkUprobeMulti. Path has room for PathSize bytes, the
	// arrays for Count elements.
	UprobeMultiInfo struct {
		Path          Pointer
		Offsets       Pointer
		RefCtrOffsets Pointer
		Cookies       Pointer
		PathSize      uint32
		Count         uint32
		Flags         UprobeMultiFlags
		PID           uint32
	}
	// PerfEventInfo is the variant for LinkPerfEvent. Name is the binary, function or tracepoint,
	// with room for NameLen bytes. The meaning of the rest depends on Type: see enum
	// bpf_perf_event_type.
	PerfEventInfo struct {
		Type    PerfEventType
		_       uint32
		Name    Pointer
		NameLen uint32
		Offset  uint32
		// kprobe: addr, missed, cookie; uprobe: cookie, ref_ctr_offset; tracepoint: cookie
		A, B, C uint64
	}
	// PlainEventInfo is the variant for LinkPerfEvent without pointers: Type distinguishes it
	// (PerfEventTypeEvent) from PerfEventInfo.
	PlainEventInfo struct {
		Type      PerfEventType
		_         uint32
		Config    uint64
		EventType PerfType
		_         uint32
		Cookie    uint64
	}
)

// PerfEventType is the kind of event of a LinkPerfEvent, enum bpf_perf_event_type.
type PerfEventType uint32

// The kinds of events.
const (
	PerfEventTypeUprobe     PerfEventType = 1 // BPF_PERF_EVENT_UPROBE
	PerfEventTypeUretprobe  PerfEventType = 2 // BPF_PERF_EVENT_URETPROBE
	PerfEventTypeKprobe     PerfEventType = 3 // BPF_PERF_EVENT_KPROBE
	PerfEventTypeKretprobe  PerfEventType = 4 // BPF_PERF_EVENT_KRETPROBE
	PerfEventTypeTracepoint PerfEventType = 5 // BPF_PERF_EVENT_TRACEPOINT
	PerfEventTypeEvent      PerfEventType = 6 // BPF_PERF_EVENT_EVENT
)

// ProgInfoByFD returns information about a program without any of its arrays; their lengths are set
// (libbpf bpf_prog_get_info_by_fd). To get arrays, use ObjInfo with a *ProgInfo that has room for
// them.
func ProgInfoByFD(fd int) (*ProgInfo, error) { return infoByFD[ProgInfo](fd) }

// MapInfoByFD returns information about a map (libbpf bpf_map_get_info_by_fd).
func MapInfoByFD(fd int) (*MapInfo, error) { return infoByFD[MapInfo](fd) }

// MapHash returns the SHA-256 hash of an array's memory, which must be frozen (6.18).
func MapHash(fd int) (hash [32]byte, err error) {
	info := MapInfo{Hash: Ptr(unsafe.Pointer(&hash)), HashSize: uint32(len(hash))}
	if _, err := ObjInfo(fd, unsafe.Pointer(&info), uint32(unsafe.Sizeof(info))); err != nil {
		return [32]byte{}, err
	}
	return hash, nil
}

// TokenInfoByFD returns what a BPF token permits (6.17).
func TokenInfoByFD(fd int) (*TokenInfo, error) { return infoByFD[TokenInfo](fd) }

// BTFInfoByFD returns information about a BTF object, without its bytes and name (libbpf
// bpf_btf_get_info_by_fd).
func BTFInfoByFD(fd int) (*BTFInfo, error) { return infoByFD[BTFInfo](fd) }

// NamedBTFInfoByFD returns the same with the name, "" for BTF of programs, and without its bytes
// (5.11).
func NamedBTFInfoByFD(fd int) (info *BTFInfo, name string, err error) {
	var text [64]byte // as the kernel has for modules
	info = &BTFInfo{Name: Ptr(unsafe.Pointer(&text)), NameLen: uint32(len(text))}
	if _, err := ObjInfo(fd, unsafe.Pointer(info), uint32(unsafe.Sizeof(*info))); err != nil {
		return nil, "", err
	}
	name, _, _ = strings.Cut(string(text[:]), "\x00")
	return info, name, nil
}

// LinkInfoByFD returns information about a link, without names and arrays (libbpf
// bpf_link_get_info_by_fd).
func LinkInfoByFD(fd int) (*LinkInfo, error) { return infoByFD[LinkInfo](fd) }

func infoByFD[T any](fd int) (*T, error) {
	info := new(T)
	if _, err := ObjInfo(fd, unsafe.Pointer(info), uint32(unsafe.Sizeof(*info))); err != nil {
		return nil, err
	}
	return info, nil
}

// LinkInfoAs reads the union of a LinkInfo as one of its variants. Pointers in it are nil or
// meaningless.
func LinkInfoAs[D any](i *LinkInfo) D {
	var d D
	if unsafe.Sizeof(d) > unsafe.Sizeof(i.Detail) {
		panic("sys: not a variant of LinkInfo")
	}
	return *(*D)(unsafe.Pointer(&i.Detail))
}

// LinkDetailByFD returns information about a link with d as the variant of its union: the pointers
// in *d are inputs, the rest is set.
func LinkDetailByFD[D any](fd int, d *D) (*LinkInfo, error) {
	var w struct {
		Type                 uapi.LinkType
		ID, ProgID, reserved uint32
		detail               D
	}
	w.detail = *d
	if _, err := ObjInfo(fd, unsafe.Pointer(&w), uint32(unsafe.Sizeof(w))); err != nil {
		return nil, err
	}
	*d = w.detail
	return &LinkInfo{Type: w.Type, ID: w.ID, ProgID: w.ProgID}, nil
}
