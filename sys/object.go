package sys

import (
	"iter"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/uapi"
)

// objAttr is the attribute of BPF_OBJ_PIN and BPF_OBJ_GET.
type objAttr struct {
	path   Pointer
	fd     uint32
	flags  uapi.OpenFlags
	pathFD int32 // 6.5
	_      uint32
}

// size includes path_fd only if it is used.
func (a *objAttr) size() uintptr {
	if a.flags&uapi.FOpenPathFD != 0 {
		return unsafe.Offsetof(a.pathFD) + unsafe.Sizeof(a.pathFD)
	}
	return unsafe.Offsetof(a.pathFD)
}

// ObjPin pins a program, map or link at path on a bpffs (BPF_OBJ_PIN, libbpf bpf_obj_pin_opts;
// 4.4). EEXIST if there is a file at path; EINVAL or EPERM if path isn't on a bpffs.
func ObjPin(fd int, path string, flags uapi.OpenFlags) error {
	return ObjPinAt(fd, -1, path, flags)
}

// ObjPinAt does the same as ObjPin relative to a directory descriptor (6.5); -1 for none.
func ObjPinAt(fd, dir int, path string, flags uapi.OpenFlags) error {
	a, err := objPath(dir, path, flags)
	if err != nil {
		return err
	}
	a.fd = uint32(fd)
	_, e := funnel.BPF(uapi.CmdObjPin, unsafe.Pointer(&a), a.size())
	return errnoErr(e)
}

// ObjGet opens the object that is pinned at path (BPF_OBJ_GET, libbpf bpf_obj_get_opts; 4.4). flags
// may be uapi.FOpenRdonly or FOpenWronly for a map. The caller closes the FD.
func ObjGet(path string, flags uapi.OpenFlags) (*FD, error) {
	return ObjGetAt(-1, path, flags)
}

// ObjGetAt does the same as ObjGet relative to a directory descriptor (6.5); -1 for none.
func ObjGetAt(dir int, path string, flags uapi.OpenFlags) (*FD, error) {
	a, err := objPath(dir, path, flags)
	if err != nil {
		return nil, err
	}
	return bpfFD(uapi.CmdObjGet, unsafe.Pointer(&a), a.size())
}

func objPath(dir int, path string, flags uapi.OpenFlags) (a objAttr, err error) {
	a.path, err = CString(path)
	a.flags = flags
	if dir >= 0 {
		a.flags |= uapi.FOpenPathFD
		a.pathFD = int32(dir)
	}
	return a, err
}

// idAttr is the attribute of the BPF_*_GET_NEXT_ID and BPF_*_GET_FD_BY_ID commands.
type idAttr struct {
	id        uint32 // or the id to start after
	next      uint32
	openFlags uapi.OpenFlags
	tokenFD   int32 // 6.17
}

func nextID(cmd uapi.Cmd, id uint32) (uint32, error) {
	a := idAttr{id: id}
	_, e := funnel.BPF(cmd, unsafe.Pointer(&a), unsafe.Offsetof(a.tokenFD))
	return a.next, errnoErr(e)
}

func fdByID(cmd uapi.Cmd, id uint32, flags uapi.OpenFlags) (*FD, error) {
	a := idAttr{id: id, openFlags: flags}
	return bpfFD(cmd, unsafe.Pointer(&a), unsafe.Offsetof(a.tokenFD))
}

// ProgNextID returns the first program id above id (BPF_PROG_GET_NEXT_ID; 4.13). ENOENT at the end.
// Needs CAP_SYS_ADMIN.
func ProgNextID(id uint32) (uint32, error) { return nextID(uapi.CmdProgGetNextID, id) }

// MapNextID does the same as ProgNextID for maps (BPF_MAP_GET_NEXT_ID; 4.13).
func MapNextID(id uint32) (uint32, error) { return nextID(uapi.CmdMapGetNextID, id) }

// BTFNextID does the same as ProgNextID for BTF objects (BPF_BTF_GET_NEXT_ID; 5.4).
func BTFNextID(id uint32) (uint32, error) { return nextID(uapi.CmdBTFGetNextID, id) }

// LinkNextID does the same as ProgNextID for links (BPF_LINK_GET_NEXT_ID; 5.8).
func LinkNextID(id uint32) (uint32, error) { return nextID(uapi.CmdLinkGetNextID, id) }

// IDs yields the ids of all objects of a kind, in order: next is ProgNextID or its like. An error
// of next ends the walk. Objects may be gone by the time that they are opened.
func IDs(next func(uint32) (uint32, error)) iter.Seq2[uint32, error] {
	return func(yield func(uint32, error) bool) {
		for id := uint32(0); ; {
			following, err := next(id)
			if err == syscall.ENOENT {
				return
			}
			if err != nil {
				yield(id, err)
				return
			}
			if id = following; !yield(id, nil) {
				return
			}
		}
	}
}

// ProgFDByID opens the program with that id (BPF_PROG_GET_FD_BY_ID; 4.13). ENOENT if it is gone.
// Needs CAP_SYS_ADMIN. The caller closes the FD.
func ProgFDByID(id uint32) (*FD, error) { return fdByID(uapi.CmdProgGetFDByID, id, 0) }

// MapFDByID opens the map with that id (BPF_MAP_GET_FD_BY_ID; 4.13).
func MapFDByID(id uint32) (*FD, error) { return fdByID(uapi.CmdMapGetFDByID, id, 0) }

// MapFDByIDFlags does the same as MapFDByID with open flags: uapi.FOpenRdonly or FOpenWronly.
func MapFDByIDFlags(id uint32, flags uapi.OpenFlags) (*FD, error) {
	return fdByID(uapi.CmdMapGetFDByID, id, flags)
}

// BTFFDByID opens the BTF object with that id (BPF_BTF_GET_FD_BY_ID; 4.18).
func BTFFDByID(id uint32) (*FD, error) { return fdByID(uapi.CmdBTFGetFDByID, id, 0) }

// BTFFDByIDToken does the same as BTFFDByID on behalf of a token (6.17).
func BTFFDByIDToken(id uint32, token int) (*FD, error) {
	a := idAttr{id: id, openFlags: uapi.FOpenTokenFD, tokenFD: int32(token)}
	return bpfFD(uapi.CmdBTFGetFDByID, unsafe.Pointer(&a), unsafe.Sizeof(a))
}

// LinkFDByID opens the link with that id (BPF_LINK_GET_FD_BY_ID; 5.8).
func LinkFDByID(id uint32) (*FD, error) { return fdByID(uapi.CmdLinkGetFDByID, id, 0) }

// ObjInfo fills size bytes of *info about a program, map, link or BTF object and returns how many
// bytes the kernel filled (BPF_OBJ_GET_INFO_BY_FD, libbpf bpf_obj_get_info_by_fd; 4.13). Fields
// that aren't input must be zero.
func ObjInfo(fd int, info unsafe.Pointer, size uint32) (uint32, error) {
	a := struct {
		fd, size uint32
		info     Pointer
	}{uint32(fd), size, Ptr(info)}
	_, e := funnel.BPF(uapi.CmdObjGetInfoByFD, unsafe.Pointer(&a), unsafe.Sizeof(a))
	return a.size, errnoErr(e)
}

// TaskFDQueryAttr is the attribute of BPF_TASK_FD_QUERY. Buf has room for BufLen bytes of the
// target's name; all later fields are output.
type TaskFDQueryAttr struct {
	PID         uint32
	FD          uint32 // in that process
	Flags       uint32
	BufLen      uint32 // in: room, out: length
	Buf         Pointer
	ProgID      uint32
	FDType      uapi.TaskFDType
	ProbeOffset uint64
	ProbeAddr   uint64
}

// TaskFDQuery returns the target of a perf event or raw tracepoint descriptor of a process
// (BPF_TASK_FD_QUERY, libbpf bpf_task_fd_query; 4.18). ENOSPC if the name was truncated. Needs
// CAP_SYS_ADMIN.
func TaskFDQuery(a *TaskFDQueryAttr) error {
	_, e := funnel.BPF(uapi.CmdTaskFDQuery, unsafe.Pointer(a), unsafe.Sizeof(*a))
	return errnoErr(e)
}

// TokenCreate makes a BPF token of a bpffs that delegates any command (BPF_TOKEN_CREATE, libbpf
// bpf_token_create; 6.9). ENOENT if it delegates nothing, EPERM in the initial user namespace. The
// caller closes the FD.
func TokenCreate(bpffs int, flags uint32) (*FD, error) {
	a := struct{ flags, bpffs uint32 }{flags, uint32(bpffs)}
	return bpfFD(uapi.CmdTokenCreate, unsafe.Pointer(&a), unsafe.Sizeof(a))
}
