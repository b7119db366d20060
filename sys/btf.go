package sys

import (
	"unsafe"

	"github.com/purebpf/bpf/uapi"
)

// BTFLoadAttr is the attribute of BPF_BTF_LOAD.
type BTFLoadAttr struct {
	BTF         Pointer
	LogBuf      Pointer
	Size        uint32
	LogSize     uint32
	LogLevel    uapi.LogLevel
	LogTrueSize uint32        // out, 6.4
	Flags       uapi.BTFFlags // 6.9
	TokenFD     int32         // 6.9; needs uapi.FBTFTokenFD
}

// BTFLoad uploads type information (BPF_BTF_LOAD, libbpf bpf_btf_load; 4.18). The caller closes the
// FD. Needs CAP_BPF. ENOSPC if the log buffer was too small.
func BTFLoad(a *BTFLoadAttr) (*FD, error) {
	return bpfFD(uapi.CmdBTFLoad, unsafe.Pointer(a), unsafe.Sizeof(*a))
}
