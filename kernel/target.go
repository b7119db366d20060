package kernel

import (
	"fmt"
	"io/fs"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/pathname"
	"github.com/purebpf/bpf/uapi"
)

// TargetType returns the id in BTF of the type that a program with that attach type is attached to
// by a name: that of the function or, with a prefix, of what stands for an LSM hook, an iterator or
// a raw tracepoint (libbpf libbpf_find_vmlinux_btf_id; bpf.Load does it for SEC("fentry/NAME") and
// the like). The error wraps fs.ErrNotExist if the kernel doesn't have it.
func (f *Facts) TargetType(name string, attach uapi.AttachType) (btf.ID, error) {
	spec, err := f.BTF()
	if err != nil {
		return 0, err
	}
	prefix, kind := facts.TargetPrefix(attach)
	id, ok := spec.FindByName(prefix+name, kind)
	if !ok {
		return 0, fmt.Errorf("the kernel's BTF has no %v %s: %w", kind, prefix+name, fs.ErrNotExist)
	}
	return id, nil
}

// ModuleBTF returns the BTF of one loaded module, split over BTF, from /sys/kernel/btf (libbpf
// btf__load_module_btf; 5.11). It needs no privileges. The error wraps fs.ErrNotExist if there is
// no such module, or it has no BTF.
func (f *Facts) ModuleBTF(name string) (*btf.Spec, error) {
	base, err := f.BTF()
	if err != nil {
		return nil, err
	}
	if err := pathname.Check(name); err != nil {
		return nil, fmt.Errorf("BTF of module %q: %w", name, err)
	}
	if name == "vmlinux" {
		return nil, fmt.Errorf("vmlinux is no module: %w", fs.ErrNotExist)
	}
	raw, err := ReadBTF(f.shared.root + sysfsBTF + name)
	if err != nil {
		return nil, fmt.Errorf("BTF of module %s: %w", name, err)
	}
	return btf.Parse(raw, base)
}
