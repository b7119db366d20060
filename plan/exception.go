package plan

import (
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
)

// exceptionCallback finds the subprogram that main names as its exception callback, nil if none: a declaration tag
// "exception_callback:<name>" on main's BTF function (__exception_cb() in C). Nothing calls such a function, so linking would leave
// it out. Kernels without declaration tags have no exceptions.
func (r *resolver) exceptionCallback(main *function) (*function, error) {
	if len(r.info.callbacks) == 0 || !r.has(facts.BTFDeclTag) {
		return nil, nil
	}
	var found *function
	for _, id := range r.info.callbacks {
		tag, _ := r.o.BTF.Type(id)
		fn, _ := r.o.BTF.Type(tag.Ref())
		if fn.Kind() != btf.KindFunc || fn.Linkage() != btf.LinkageGlobal {
			return nil, r.failAt(main, -1, CodeInvalid, "BTF tag "+tag.Name()+" is on "+fn.Name()+"; an exception callback belongs to a global function", nil)
		}
		if fn.Name() != main.f.Name {
			continue
		}
		if found != nil {
			return nil, nil // two of them: the verifier says so
		}
		name := strings.TrimPrefix(tag.Name(), tagExceptionCallback)
		if name == "" {
			return nil, r.failAt(main, -1, CodeInvalid, "BTF tag "+tagExceptionCallback+" names no function", nil)
		}
		for i := range r.subs {
			s := &r.subs[i]
			if s.f.Name != name {
				continue
			}
			switch {
			case !s.f.Global || s.f.Hidden:
				return nil, r.failAt(main, -1, CodeInvalid, "exception callback "+name+" must be a global function of default visibility", nil)
			case found != nil:
				return nil, r.failAt(main, -1, CodeInvalid, "two functions are called "+name+", the exception callback", nil)
			}
			found = s
		}
		if found == nil {
			return nil, r.failAt(main, -1, CodeNoEntry, "there is no function "+name+" in .text, the exception callback", nil)
		}
	}
	return found, nil
}
