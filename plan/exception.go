package plan

import (
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
)

// An exception callback is a subprogram that a program names by a declaration tag on its BTF
// function, "exception_callback:<name>" (__exception_cb() in C). No instruction calls it, so
// linking alone would leave it out. Kernels without declaration tags have no exceptions.

// callback is the exception callback that tags name for one program.
type callback struct {
	name  string // name of the subprogram
	tag   string // the whole tag
	twice bool   // several tags: nothing is appended, and the verifier refuses the program
}

// exceptionCallback returns the subprogram that main names as its exception callback, or nil if
// there is none.
func (r *resolver) exceptionCallback(main *function) (*function, error) {
	if len(r.info.callbacks) == 0 || !r.has(facts.BTFDeclTag) {
		return nil, nil
	}
	if r.callbacks == nil {
		if err := r.collectCallbacks(main); err != nil {
			return nil, err
		}
	}
	c, ok := r.callbacks[main.f.Name]
	if !ok || c.twice {
		return nil, nil
	}
	if c.name == "" {
		return nil, r.failAt(main, -1, CodeInvalid, "BTF tag "+c.tag+" names no function", nil)
	}
	var found *function
	for i := range r.subs {
		s := &r.subs[i]
		if s.f.Name != c.name {
			continue
		}
		switch {
		case !s.f.Global || s.f.Hidden:
			return nil, r.failAt(main, -1, CodeInvalid, "exception callback "+c.name+
				" must be a global function of default visibility", nil)
		case found != nil:
			return nil, r.failAt(main, -1, CodeInvalid, "two functions are called "+c.name+
				", the exception callback", nil)
		}
		found = s
	}
	if found == nil {
		return nil, r.failAt(main, -1, CodeNoEntry, "there is no function "+c.name+
			" in .text, the exception callback", nil)
	}
	return found, nil
}

// collectCallbacks reads all tags. A tag on a function that is not global is an error, whichever
// program is being linked.
func (r *resolver) collectCallbacks(main *function) error {
	r.callbacks = make(map[string]callback, len(r.info.callbacks))
	for _, id := range r.info.callbacks {
		tag, _ := r.o.BTF.Type(id)
		fn, _ := r.o.BTF.Type(tag.Ref())
		if fn.Kind() != btf.KindFunc || fn.Linkage() != btf.LinkageGlobal {
			return r.failAt(main, -1, CodeInvalid, "BTF tag "+tag.Name()+" is on "+fn.Name()+
				"; an exception callback belongs to a global function", nil)
		}
		_, twice := r.callbacks[fn.Name()]
		r.callbacks[fn.Name()] = callback{strings.TrimPrefix(tag.Name(), tagExceptionCallback),
			tag.Name(), twice}
	}
	return nil
}
