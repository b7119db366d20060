package plan

import (
	"errors"
	"math"
	"strconv"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/btf/core"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
)

// wantExterns adds the kernel BTF names of typed ksyms and kfuncs to w.
func (r *resolver) wantExterns(w *wanted) {
	for _, e := range r.o.Externs {
		if e.Kind == object.ExternKsym && e.KsymType != 0 {
			w.add(ksymName(e), ksymKind(e))
		}
	}
}

// ksymName returns the kernel's name of an extern. Kfuncs may be declared in flavours,
// "bpf_x___old".
func ksymName(e *object.Extern) string {
	if e.Func {
		return btf.EssentialName(e.Name)
	}
	return e.Name
}

// ksymKind returns the kind of a typed ksym in kernel BTF.
func ksymKind(e *object.Extern) btf.Kind {
	if e.Func {
		return btf.KindFunc
	}
	return btf.KindVar
}

// resolveExterns gives every extern a value: kconfig first, then addresses from kallsyms, then BTF
// ids. A weak extern may stay absent.
func (r *resolver) resolveExterns() error {
	if len(r.o.Externs) == 0 {
		return nil
	}
	r.p.Externs = make([]Extern, len(r.o.Externs))
	typeless, typed := 0, 0
	for i, e := range r.o.Externs {
		r.p.Externs[i].Spec = e
		switch {
		case e.Kind != object.ExternKsym:
		case e.KsymType == 0:
			typeless++
		default:
			typed++
		}
	}
	if err := r.resolveKconfig(); err != nil {
		return err
	}
	if typeless > 0 {
		if err := r.tolerate(r.resolveKallsyms(typeless)); err != nil {
			return err
		}
	}
	if typed > 0 {
		for i := range r.p.Externs {
			x := &r.p.Externs[i]
			if x.Spec.Kind != object.ExternKsym || x.Spec.KsymType == 0 {
				continue
			}
			err := r.resolveTyped(x)
			if err == nil && !x.Found && !x.Spec.Weak {
				// libbpf returns this code for every cause.
				err = r.notFound("extern", x.Spec.Name, CodeInvalid, absentText(x.Spec))
			}
			if err := r.tolerate(err); err != nil {
				return err
			}
		}
	}
	for i := range r.p.Externs {
		x := &r.p.Externs[i]
		switch {
		case x.Found:
		case x.Spec.Weak:
			r.event(EventResolved, x.Spec.Name, "weak extern is absent from this kernel, it is 0")
		case x.Spec.Kind == object.ExternKsym && x.Spec.KsymType != 0:
			// returned: libbpf fails here before it checks the other externs
		default:
			err := r.fail("extern", x.Spec.Name, CodeNotFound, absentText(x.Spec), nil)
			if err := r.tolerate(err); err != nil {
				return err
			}
		}
	}
	return nil
}

// absentText returns the text of the error for a missing strong extern.
func absentText(e *object.Extern) string {
	return "not found in this kernel (" + externPlace(e) +
		"); declare it __weak if the program can do without"
}

// extern returns the result for an extern of the object, or nil if the object does not list it.
func (r *resolver) extern(e *object.Extern) *Extern {
	if e == nil {
		return nil
	}
	if e.Index >= 0 && e.Index < len(r.p.Externs) && r.p.Externs[e.Index].Spec == e {
		return &r.p.Externs[e.Index]
	}
	for i := range r.p.Externs {
		if r.p.Externs[i].Spec == e {
			return &r.p.Externs[i]
		}
	}
	return nil
}

// externPlace returns where an extern was searched.
func externPlace(e *object.Extern) string {
	switch {
	case e.Kind == object.ExternKconfig:
		return "kernel configuration"
	case e.KsymType == 0:
		return "kallsyms"
	case e.Func:
		return "functions of kernel and module BTF"
	}
	return "variables of kernel and module BTF"
}

// resolveKallsyms finds the addresses of typeless ksyms.
func (r *resolver) resolveKallsyms(n int) error {
	names := make([]string, 0, n)
	for _, e := range r.o.Externs {
		if e.Kind == object.ExternKsym && e.KsymType == 0 {
			names = append(names, e.Name)
		}
	}
	addrs, ambiguous, err := r.k.Ksyms(names)
	hidden := errors.Is(err, facts.ErrHidden)
	if err != nil && !hidden {
		return r.fail("extern", names[0], CodeInvalid, "the kernel's symbols cannot be read", err)
	}
	for i := range r.p.Externs {
		x := &r.p.Externs[i]
		if x.Spec.Kind != object.ExternKsym || x.Spec.KsymType != 0 {
			continue
		}
		if _, there := addrs[x.Spec.Name]; there && hidden {
			if !x.Spec.Weak {
				return r.fail("extern", x.Spec.Name, CodeNotPermitted, "its address is unknown",
					err)
			}
			r.event(EventWarning, x.Spec.Name, "counts as absent, although the kernel has it: "+
				err.Error())
			continue
		}
		if ambiguous[x.Spec.Name] {
			return r.fail("extern", x.Spec.Name, CodeInvalid,
				"several symbols of this kernel have this name, at different addresses", nil)
		}
		x.Value, x.Found = addrs[x.Spec.Name]
	}
	return nil
}

// resolveTyped finds the kernel's BTF variable or function for an extern and compares types. A weak
// kfunc whose prototype differs counts as absent; a variable whose type differs is an error even if
// weak.
func (r *resolver) resolveTyped(x *Extern) error {
	e := x.Spec
	id, spec, mod, err := r.findKernel(ksymName(e), ksymKind(e))
	if err != nil {
		return r.fail("extern", e.Name, CodeInvalid, "kernel BTF cannot be read", err)
	}
	if id == 0 {
		return nil
	}
	t, _ := spec.Type(id)
	target := t.Ref()
	if !e.Func {
		target = stripMods(spec, target)
	}
	same, err := core.Compatible(r.o.BTF, e.KsymType, spec, target)
	switch {
	case err != nil:
		return r.fail("extern", e.Name, CodeInvalid,
			"its type cannot be compared with the kernel's", err)
	case !same && e.Func && e.Weak:
		r.event(EventWarning, e.Name,
			"this kernel's function has another prototype, so the weak kfunc counts as absent")
		return nil
	case !same:
		return r.fail("extern", e.Name, CodeInvalid, "is "+typeText(r.o.BTF, e.KsymType)+
			" in the object and "+typeText(spec, target)+" in the kernel", nil)
	}
	if mod != nil && e.Func {
		slot, err := r.moduleSlot(mod, e)
		if err != nil {
			return err
		}
		x.fdSlot = slot
	}
	x.Found, x.ID, x.Module = true, id, mod
	return nil
}

// moduleSlot returns the index in fd_array at which calls find a module's BTF. Index 0 means
// vmlinux.
func (r *resolver) moduleSlot(m *facts.Module, e *object.Extern) (int16, error) {
	for i, have := range r.fdArray {
		if have == m {
			return int16(i + 1), nil
		}
	}
	if len(r.fdArray)+1 >= math.MaxInt16 {
		return 0, r.fail("extern", e.Name, CodeTooBig, "kfuncs of more than "+
			strconv.Itoa(math.MaxInt16-1)+" modules", nil)
	}
	r.fdArray = append(r.fdArray, m)
	return int16(len(r.fdArray)), nil
}

// stripMods is Skip, but keeps the id when a chain of modifiers leads nowhere.
func stripMods(s *btf.Spec, id btf.ID) btf.ID { return s.Skip(id).ID() }

// typeText returns a type as error texts name it.
func typeText(s *btf.Spec, id btf.ID) string {
	t := s.Skip(id)
	text := t.Kind().String()
	if name := t.Name(); name != "" {
		text += " " + name
	}
	return text + " [" + strconv.FormatUint(uint64(t.ID()), 10) + "]"
}
