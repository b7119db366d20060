package bpf

import (
	"errors"
	"slices"
	"syscall"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/maprules"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// ruled returns the requested map and its inner map, which may break rules. Maps of network devices
// have other rules.
func (l *loader) ruled(pm *plan.Map, attr *sys.MapCreateAttr) []*maprules.Map {
	list := ruled(attr)
	for _, m := range list {
		if pm.KeyType == 0 || pm.ValueType == 0 {
			break
		}
		m.Typed = true // which the last attempt omitted
		if spec, err := btf.Parse(l.plan.BTF, nil); err == nil {
			key := spec.Skip(pm.KeyType)
			m.IntKey = key.Kind() == btf.KindInt && key.Size() == 4 && key.IntBits() == 32
			m.Special = maprules.SpecialFields(spec, pm.ValueType)
		}
	}
	if in := pm.Inner; in != nil && in.IfIndex == 0 {
		list = append(list, &maprules.Map{
			Type: in.Type, KeySize: in.KeySize, ValueSize: in.ValueSize, MaxEntries: in.MaxEntries,
			Flags: in.Flags, Extra: in.Extra, NumaNode: in.NumaNode, Typed: true, IntKey: true,
			Outer: true,
		})
	}
	return list
}

// ruled returns the requested map, without BTF.
func ruled(attr *sys.MapCreateAttr) []*maprules.Map {
	if attr.IfIndex != 0 {
		return nil
	}
	m := &maprules.Map{
		Type: attr.Type, KeySize: attr.KeySize, ValueSize: attr.ValueSize,
		MaxEntries: attr.MaxEntries,
		Flags:      attr.Flags, Extra: attr.MapExtra, NumaNode: attr.NumaNode,
		Inner:  attr.InnerMapFD != 0,
		Kernel: attr.BTFVmlinuxValueTypeID != 0,
	}
	if attr.TokenFD > 0 { // the loader sets this flag
		m.Flags &^= uapi.FTokenFD
	}
	return []*maprules.Map{m}
}

// brokenRule names the rules of the running kernel that m breaks, which the kernel refused with a
// bare errno.
func brokenRule(m *maprules.Map, refusal error) string {
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
