package load

import (
	"errors"
	"slices"
	"syscall"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/maprules"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// BrokenRule names the rules of the running kernel that m breaks, which the kernel refused with a
// bare errno.
func BrokenRule(m *maprules.Map, refusal error) string {
	if errors.Is(refusal, syscall.EPERM) || errors.Is(refusal, syscall.EACCES) {
		return ""
	}
	running := kernel.Running()
	k := &maprules.Kernel{
		Version:  running.Version(),
		PageSize: running.PageSize(),
		Sizeof:   func(name string) uint32 { return kernelStruct(running, name) },
	}
	k.Kconfig, _ = running.Kconfig()
	k.CPUs, _ = running.PossibleCPUs()
	if m.Flags&uapi.FNumaNode != 0 {
		k.Nodes, _ = running.OnlineNodes()
	}
	broken, _ := maprules.Check(m, k)
	memory := errors.Is(refusal, syscall.ENOMEM) || errors.Is(refusal, syscall.E2BIG)
	return maprules.Text(slices.DeleteFunc(broken, func(b maprules.Breach) bool {
		return b.Unsure && !memory
	}))
}

// kernelStruct returns the size of a struct of the running kernel, 0 if it is not known.
func kernelStruct(running *kernel.Facts, name string) uint32 {
	spec, err := running.BTF()
	if err != nil {
		return 0
	}
	id, ok := spec.FindByName(name, btf.KindStruct)
	if !ok {
		return 0
	}
	t, _ := spec.Type(id)
	return t.Size()
}
