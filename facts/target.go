package facts

import (
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/uapi"
)

// targets are the attach types whose targets stand in the kernel's BTF under another name.
var targets = [...]struct {
	attach uapi.AttachType
	prefix string
	kind   btf.Kind
}{
	{uapi.AttachTraceRawTP, "btf_trace_", btf.KindTypedef},
	{uapi.AttachLSMMac, "bpf_lsm_", btf.KindFunc},
	{uapi.AttachLSMCgroup, "bpf_lsm_", btf.KindFunc},
	{uapi.AttachTraceIter, "bpf_iter_", btf.KindFunc},
}

// TargetPrefix returns what comes before the name of a target in the kernel's BTF, and the kind of
// that type, for programs with an attach type.
func TargetPrefix(attach uapi.AttachType) (prefix string, kind btf.Kind) {
	for _, t := range targets {
		if t.attach == attach {
			return t.prefix, t.kind
		}
	}
	return "", btf.KindFunc
}
