package facts

import (
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/uapi"
)

// ProgramTrial is what BPF_PROG_LOAD is told of a program beside its code: whether a kernel takes
// it can be tried with any code.
type ProgramTrial struct {
	Type        uapi.ProgType
	Attach      uapi.AttachType // expected attach type; of struct_ops the number of the member
	Flags       uint32          // BPF_F_*
	License     string
	IfIndex     uint32
	AttachBTFID btf.ID
	Module      *Module // whose BTF AttachBTFID belongs to, nil for vmlinux
}

// MapTrial is what BPF_MAP_CREATE is told of a map beside its number of entries, name and types.
type MapTrial struct {
	Type      uapi.MapType
	KeySize   uint32
	ValueSize uint32
	Flags     uint32 // BPF_F_*
	Extra     uint64
	NumaNode  uint32
	IfIndex   uint32
}
