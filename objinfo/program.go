// Package objinfo reads the kernel's information about programs and maps. That about links, which
// differs from type to type, is in package linkinfo.
package objinfo

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Program is the kernel's information about a program (libbpf bpf_prog_get_info_by_fd).
type Program struct {
	ID                       uint32
	Type                     uapi.ProgType
	Name                     string // at most 15 characters
	Tag                      [8]byte
	XlatedLen                int           // bytes after verification
	JitedLen                 int           // bytes of machine code, 0 if not compiled
	LoadTime                 time.Duration // since boot
	UID                      uint32
	MapIDs                   []uint32
	BTFID                    uint32
	NumFuncInfo, NumLineInfo int
	RunTime                  time.Duration // since inspect.EnableStats, or with kernel.bpf_stats_enabled
	RunCount                 uint64
	RecursionMisses          uint64
	VerifiedInsns            uint32 // instructions that the verifier processed, 5.16
	GPL                      bool   // the licence is compatible with the GPL, 4.18
	AttachBTFID              uint32 // BTF object of the function that it attaches to; 0: vmlinux, or none
	AttachTypeID             uint32 // of that function, 6.0
	// IfIndex is the interface for which the program was loaded, in the network namespace with that
	// device and inode number; 0 for none.
	IfIndex            uint32
	NetnsDev, NetnsIno uint64
}

// ReadProgram describes the program with descriptor fd, which the caller still owns (4.13).
func ReadProgram(fd int) (*Program, error) {
	for range 3 { // the number of maps may change between the two calls
		info, err := sys.ProgInfoByFD(fd)
		if err != nil {
			return nil, err
		}
		ids := make([]uint32, info.NrMapIDs)
		if len(ids) > 0 {
			again := sys.ProgInfo{NrMapIDs: uint32(len(ids)), MapIDs: sys.Slice(ids)}
			if _, err := sys.ObjInfo(fd, unsafe.Pointer(&again),
				uint32(unsafe.Sizeof(again))); err != nil {
				return nil, err
			}
			if int(again.NrMapIDs) > len(ids) {
				continue
			}
			ids = ids[:again.NrMapIDs]
		}
		return &Program{
			ID: info.ID, Type: info.Type, Name: info.Name.String(), Tag: info.Tag,
			XlatedLen: int(info.XlatedProgLen), JitedLen: int(info.JitedProgLen),
			LoadTime: time.Duration(info.LoadTime), UID: info.CreatedByUID, MapIDs: ids,
			BTFID: info.BTFID, NumFuncInfo: int(info.NrFuncInfo), NumLineInfo: int(info.NrLineInfo),
			RunTime: time.Duration(info.RunTimeNs), RunCount: info.RunCnt,
			RecursionMisses: info.RecursionMisses, VerifiedInsns: info.VerifiedInsns,
			GPL: info.GPL(), AttachBTFID: info.AttachBTFObjID, AttachTypeID: info.AttachBTFID,
			IfIndex: info.IfIndex, NetnsDev: info.NetnsDev, NetnsIno: info.NetnsIno,
		}, nil
	}
	return nil, fmt.Errorf("its maps keep changing: %w", syscall.EAGAIN)
}
