// Package linkinfo reads the kernel's information about BPF links: which program is attached to
// what, with which options. [Read] returns the information about one link, [All] that about every
// link of a type in the kernel.
package linkinfo

import (
	"errors"
	"fmt"
	"iter"
	"syscall"

	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Info describes a link (libbpf bpf_link_get_info_by_fd; 5.8).
type Info struct {
	ID        uint32
	Type      uapi.LinkType
	ProgramID uint32 // 0 for LinkStructOps
	Detail    Detail // target and options; nil if the kernel or this package doesn't know them
}

// Read describes the link with descriptor fd, which the caller still owns.
func Read(fd int) (*Info, error) {
	raw, err := sys.LinkInfoByFD(fd)
	if err != nil {
		return nil, err
	}
	return read(fd, raw)
}

// All yields the links of type typ in the kernel, whoever made them, in the order of their ids;
// with uapi.LinkUnspec, links of every type (5.8). It skips links that are closed during the walk
// and links that are still being made. An error about one link names its id and doesn't end the
// walk; any other error does. Needs CAP_SYS_ADMIN.
func All(typ uapi.LinkType) iter.Seq2[*Info, error] {
	return func(yield func(*Info, error) bool) {
		for id, err := range sys.IDs(sys.LinkNextID) {
			if err != nil {
				yield(nil, err)
				return
			}
			info, err := byID(id, typ)
			if err == nil && info == nil {
				continue
			}
			if !yield(info, err) || errors.Is(err, syscall.EPERM) {
				return
			}
		}
	}
}

// byID describes the link with that id. It returns nil if the link is gone or unfinished, or if
// its type isn't typ.
func byID(id uint32, typ uapi.LinkType) (*Info, error) {
	fd, err := sys.LinkFDByID(id)
	if err == syscall.ENOENT || err == syscall.EAGAIN {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("link %d: %w", id, err)
	}
	defer fd.Close()
	raw, err := sys.LinkInfoByFD(fd.Int())
	if err == nil && typ != uapi.LinkUnspec && raw.Type != typ {
		return nil, nil
	}
	var info *Info
	if err == nil {
		info, err = read(fd.Int(), raw)
	}
	if err != nil {
		return nil, fmt.Errorf("link %d: %w", id, err)
	}
	return info, nil
}

// read completes raw, which has the type of the link but no names or lists. It asks the kernel
// again with room for them.
func read(fd int, raw *sys.LinkInfo) (info *Info, err error) {
	info = &Info{ID: raw.ID, Type: raw.Type, ProgramID: raw.ProgID}
	switch raw.Type {
	case uapi.LinkRawTracepoint:
		info.Detail, err = readRawTracepoint(fd)
	case uapi.LinkTracing:
		d := sys.LinkInfoAs[sys.TracingInfo](raw)
		info.Detail = &Tracing{
			AttachType: d.AttachType, TargetID: d.TargetObjID, TargetBTFID: d.TargetBTFID,
			Cookie: d.Cookie,
		}
	case uapi.LinkCgroup:
		d := sys.LinkInfoAs[sys.CgroupInfo](raw)
		info.Detail = &Cgroup{CgroupID: d.CgroupID, AttachType: d.AttachType}
	case uapi.LinkIter:
		info.Detail, err = readIter(fd, raw)
	case uapi.LinkNetns:
		d := sys.LinkInfoAs[sys.NetnsInfo](raw)
		info.Detail = &Netns{Inode: d.NetnsIno, AttachType: d.AttachType}
	case uapi.LinkXDP:
		info.Detail = &XDP{IfIndex: sys.LinkInfoAs[sys.IfaceInfo](raw).IfIndex}
	case uapi.LinkTCX:
		d := sys.LinkInfoAs[sys.IfaceInfo](raw)
		info.Detail = &TCX{IfIndex: d.IfIndex, AttachType: d.AttachType}
	case uapi.LinkNetkit:
		d := sys.LinkInfoAs[sys.IfaceInfo](raw)
		info.Detail = &Netkit{IfIndex: d.IfIndex, AttachType: d.AttachType}
	case uapi.LinkStructOps:
		info.Detail = &StructOps{MapID: sys.LinkInfoAs[sys.MapLinkInfo](raw).MapID}
	case uapi.LinkSockMap:
		d := sys.LinkInfoAs[sys.MapLinkInfo](raw)
		info.Detail = &SockMap{MapID: d.MapID, AttachType: d.AttachType}
	case uapi.LinkNetfilter:
		d := sys.LinkInfoAs[sys.NetfilterInfo](raw)
		info.Detail = &Netfilter{Family: d.PF, Hook: d.HookNum, Priority: d.Priority,
			Flags: d.Flags}
	case uapi.LinkPerfEvent:
		info.Detail, err = readPerfEvent(fd, raw)
	case uapi.LinkKprobeMulti:
		info.Detail, err = readKprobeMulti(fd, raw)
	case uapi.LinkUprobeMulti:
		info.Detail, err = readUprobeMulti(fd, raw)
	}
	if err != nil {
		return nil, err
	}
	return info, nil
}
