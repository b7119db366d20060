package plan

import (
	"fmt"

	"github.com/purebpf/bpf/facts"
)

// ModuleSkipper is a facts.Kernel that reports the modules whose BTF is missing from its Modules,
// and why. It is called after Modules. kernel.Facts implements it.
type ModuleSkipper interface {
	SkippedModules() []error
}

// moduleBTFs asks for module BTF once. A kernel that cannot identify module BTF counts as having
// none.
func (r *resolver) moduleBTFs() ([]*facts.Module, error) {
	if r.modsAsked {
		return r.modules, r.modulesErr
	}
	r.modsAsked = true
	if r.has(facts.ModuleBTF) {
		r.modules, r.modulesErr = r.k.Modules()
		r.noteSkipped()
	} else {
		r.unsearched = r.unknown[facts.ModuleBTF]
	}
	for _, m := range r.modules {
		r.wanted.prefetch(m.BTF)
	}
	return r.modules, r.modulesErr
}

// noteSkipped adds an event for the modules that are not searched.
func (r *resolver) noteSkipped() {
	k, ok := r.k.(ModuleSkipper)
	if !ok {
		return
	}
	list := k.SkippedModules()
	for _, err := range list {
		r.event(EventSkipped, "modules", err.Error())
	}
	switch len(list) {
	case 0:
	case 1:
		r.unsearched = list[0]
	default:
		r.unsearched = fmt.Errorf("%w, and %d more", list[0], len(list)-1)
	}
}

// notFound returns the error for something that neither vmlinux nor any searched module has. It
// wraps the reason why modules were not searched.
func (r *resolver) notFound(what, name string, code Code, text string) *Error {
	if r.unsearched != nil {
		text += "; not every module was searched"
	}
	return r.fail(what, name, code, text, r.unsearched)
}
