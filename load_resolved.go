package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
)

// checkResolved refuses a plan made for another kernel if its ids or addresses mean something else
// in the running one: an id of a BTF type would be another function's, an address another symbol's,
// and the kernel couldn't detect it.
func (l *loader) checkResolved() error {
	target := l.target()
	if target == facts.Kernel(l.running) {
		return nil
	}
	for _, pm := range l.plan.Maps {
		if err := l.checkTypeID(target, pm.KernelValueType, pm.KernelModule); err != nil &&
			!pm.Skip {
			return l.fail("create map", pm.Name, err)
		}
	}
	for _, pp := range l.plan.Programs {
		if pp.Err != nil || pp.AttachProgFD > 0 {
			continue
		}
		if err := l.checkTypeID(target, pp.AttachBTFID, pp.AttachModule); err != nil {
			return l.fail("load program", pp.Spec.Name, err)
		}
	}
	var addresses []string
	for _, x := range l.plan.Externs {
		if x.Found && x.Spec.Kind == object.ExternKsym && x.ID == 0 {
			addresses = append(addresses, x.Spec.Name)
		}
		if err := l.checkTypeID(target, x.ID, x.Module); err != nil {
			return l.fail("resolve extern", x.Spec.Name, err)
		}
	}
	if len(addresses) == 0 {
		return nil
	}
	have, _, err := l.running.Ksyms(addresses)
	for _, x := range l.plan.Externs {
		if !x.Found || x.Spec.Kind != object.ExternKsym || x.ID != 0 {
			continue
		}
		if err == nil && have[x.Spec.Name] != x.Value {
			err = fmt.Errorf("its address is %#x in LoadOptions.Kernel, not in the running kernel: %w",
				x.Value, syscall.EINVAL)
		}
		if err != nil {
			return l.fail("resolve extern", x.Spec.Name, err)
		}
	}
	return nil
}

// checkTypeID compares the meaning of an id in the kernel that was resolved for and in the running
// one: in the BTF of a module, or in the kernel's if module is nil. 0 is no type.
func (l *loader) checkTypeID(target facts.Kernel, id btf.ID, module *facts.Module) error {
	if id == 0 {
		return nil
	}
	var there, here *btf.Spec
	var err error
	if module != nil {
		m, err := l.runningModule(module)
		if err != nil {
			return err
		}
		there, here = module.BTF, m.BTF
	} else {
		if there, err = target.BTF(); err == nil {
			here, err = l.running.BTF()
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
func (l *loader) runningModule(m *facts.Module) (*facts.Module, error) {
	list, err := l.running.Modules()
	if err != nil {
		return nil, err
	}
	for _, have := range list {
		if have.Name == m.Name {
			return have, nil
		}
	}
	return nil, fmt.Errorf("the running kernel has no module %s with BTF: %w", m.Name, ErrNotExist)
}
