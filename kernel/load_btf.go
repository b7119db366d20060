package kernel

import (
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// LoadBTF loads type information into the kernel as it is (libbpf btf__load_into_kernel; 4.18). If
// the kernel refuses it, LoadBTF asks again for a log, and the error is a *sys.LogError. token is
// the descriptor of a BPF token (6.9), 0 for none. Needs CAP_BPF without one. The caller closes the
// FD. bpf.Load loads the BTF of objects, without what the kernel doesn't know.
func LoadBTF(spec *btf.Spec, token int) (*sys.FD, error) {
	raw := spec.HostBytes()
	attr := sys.BTFLoadAttr{BTF: sys.Slice(raw), Size: uint32(len(raw))}
	if token != 0 {
		attr.TokenFD, attr.Flags = int32(token), uapi.FBTFTokenFD
	}
	fd, _, err := sys.BTFLoadLog(&attr, nil)
	return fd, err
}
