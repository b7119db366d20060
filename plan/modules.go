package plan

import (
	"fmt"

	"github.com/purebpf/bpf/facts"
)

// ModuleSkipper is a facts.Kernel that can say which modules' BTF is missing from its Modules, and
// why; it is asked after Modules. kernel.Facts is one.
type ModuleSkipper interface {
	SkippedModules() []error
}

// moduleBTFs asks for module BTFs once; a kernel that cannot tell them apart has none.
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

// noteSkipped tells which modules will not be searched.
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

// notFound is about something that neither vmlinux nor any module has, as far as they were
// searched. It wraps what kept modules from being searched.
func (r *resolver) notFound(what, name string, code Code, text string) *Error {
	if r.unsearched != nil {
		text += "; not every module was searched"
	}
	return r.fail(what, name, code, text, r.unsearched)
}
