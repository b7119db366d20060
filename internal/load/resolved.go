package load

import (
	"fmt"
	"io/fs"
	"syscall"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
)

// checkResolved refuses a plan made for another kernel if its ids or addresses mean something else
// in the running one: an id of a BTF type would be another function's, an address another symbol's,
// and the kernel couldn't detect it.
func (x *execution) checkResolved() error {
	target := x.target(x.opts)
	if target == facts.Kernel(x.running) {
		return nil
	}
	for _, pm := range x.Plan.Maps {
		if err := x.checkTypeID(target, pm.KernelValueType, pm.KernelModule); err != nil &&
			!pm.Skip {
			return x.fail("create map", pm.Name, err)
		}
	}
	for _, pp := range x.Plan.Programs {
		if pp.Err != nil || pp.AttachProgFD > 0 {
			continue
		}
		if err := x.checkTypeID(target, pp.AttachBTFID, pp.AttachModule); err != nil {
			return x.fail("load program", pp.Spec.Name, err)
		}
	}
	var addresses []string
	for _, e := range x.Plan.Externs {
		if e.Found && e.Spec.Kind == object.ExternKsym && e.ID == 0 {
			addresses = append(addresses, e.Spec.Name)
		}
		if err := x.checkTypeID(target, e.ID, e.Module); err != nil {
			return x.fail("resolve extern", e.Spec.Name, err)
		}
	}
	if len(addresses) == 0 {
		return nil
	}
	have, _, err := x.running.Ksyms(addresses)
	for _, e := range x.Plan.Externs {
		if !e.Found || e.Spec.Kind != object.ExternKsym || e.ID != 0 {
			continue
		}
		if err == nil && have[e.Spec.Name] != e.Value {
			err = fmt.Errorf("its address is %#x in LoadOptions.Kernel, not in the running "+
				"kernel: %w",
				e.Value, syscall.EINVAL)
		}
		if err != nil {
			return x.fail("resolve extern", e.Spec.Name, err)
		}
	}
	return nil
}

// checkTypeID compares the meaning of an id in the kernel that was resolved for and in the running
// one: in the BTF of a module, or in the kernel's if module is nil. 0 is no type.
func (x *execution) checkTypeID(target facts.Kernel, id btf.ID, module *facts.Module) error {
	if id == 0 {
		return nil
	}
	var there, here *btf.Spec
	var err error
	if module != nil {
		m, err := x.runningModule(module)
		if err != nil {
			return err
		}
		there, here = module.BTF, m.BTF
	} else {
		if there, err = target.BTF(); err == nil {
			here, err = x.running.BTF()
		}
		if err != nil {
			return err
		}
	}
	want, _ := there.Type(id)
	if got, ok := here.Type(id); !ok || got.Kind() != want.Kind() || got.Name() != want.Name() {
		return fmt.Errorf("BTF type %d is %s in LoadOptions.Kernel, not in the running kernel: %w",
			id, want.Name(), syscall.EINVAL)
	}
	return nil
}

// runningModule returns the running kernel's module of that name.
func (x *execution) runningModule(m *facts.Module) (*facts.Module, error) {
	list, err := x.running.Modules()
	if err != nil {
		return nil, err
	}
	for _, have := range list {
		if have.Name == m.Name {
			return have, nil
		}
	}
	return nil, fmt.Errorf("the running kernel has no module %s with BTF: %w", m.Name,
		fs.ErrNotExist)
}
