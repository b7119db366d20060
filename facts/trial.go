package facts

import (
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/uapi"
)

// ProgramTrial holds the attributes of BPF_PROG_LOAD other than the code: whether a kernel accepts
// them can be tried with any code.
type ProgramTrial struct {
	Type        uapi.ProgType
	Attach      uapi.AttachType // expected attach type; for struct_ops the number of the member
	Flags       uapi.ProgFlags
	License     string
	IfIndex     uint32
	AttachBTFID btf.ID
	Module      *Module // the module whose BTF has AttachBTFID, nil for vmlinux
}

// MapTrial holds the attributes of BPF_MAP_CREATE other than the number of entries, name and types.
type MapTrial struct {
	Type      uapi.MapType
	KeySize   uint32
	ValueSize uint32
	Flags     uapi.MapFlags
	Extra     uint64
	NumaNode  uint32
	IfIndex   uint32
}
