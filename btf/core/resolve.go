package core

import (
	"encoding/binary"
	"errors"

	"github.com/purebpf/bpf/btf"
)

// Resolver resolves the relocations of one object in their order. Each relocation narrows the
// candidates for later ones with the same root type, as in libbpf, so use one Resolver for one
// load. It is not safe for concurrent use; its Target is.
type Resolver struct {
	target *Target
	local  *btf.Spec
	order  binary.ByteOrder
	cands  map[btf.ID][]candidate // by local type, reduced to those that matched
	steps  budget
	here   spec // the access in the object
	there  spec // the same access in the current candidate
}

// NewResolver returns a Resolver for the relocations of the object whose BTF is local.
func (t *Target) NewResolver(local *btf.Spec) *Resolver {
	return &Resolver{target: t, local: local, order: local.Order(),
		cands: make(map[btf.ID][]candidate), steps: resolverBudget}
}

// Resolve resolves one relocation by itself, ignoring the others of its object; a load uses a
// Resolver.
func (t *Target) Resolve(local *btf.Spec, r Relo) (Result, error) {
	return t.NewResolver(local).Resolve(r)
}

// Result is the result of resolving a relocation.
type Result struct {
	Relo       Relo
	Value      uint64    // for the instruction, unless Poison
	LocalValue uint64    // the compiler's value
	Found      bool      // the target has it; true for TypeIDLocal
	Poison     bool      // there is no value: Patch makes the instruction invalid
	TargetBTF  *btf.Spec // BTF with the first match, nil if there is none
	TargetType btf.ID    // root type of the match in TargetBTF
	Candidates int       // target types of that kind and name that were considered

	local    *btf.Spec
	strict   bool   // the instruction must hold LocalValue
	badWidth bool   // a load or store cannot be adapted
	oldSize  uint64 // width in the object
	newSize  uint64 // width in the target
}

// Spec describes the relocation: see Describe.
func (r Result) Spec() string { return Describe(r.local, r.Relo) }

// Resolve determines the relocation's result for the target. The error is an *Error if the
// relocation is malformed, ambiguous or the types do not decide it, ErrNoBTF (wrapped) if the
// target has no BTF, or the error from listing module BTF.
func (x *Resolver) Resolve(r Relo) (Result, error) {
	res, err := x.resolve(r)
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Spec == "" {
			e.Spec = Describe(x.local, r)
		}
		return Result{}, err
	}
	return res, nil
}

func (x *Resolver) resolve(r Relo) (Result, error) {
	res := Result{Relo: r, local: x.local}
	if err := x.here.parse(x.local, r); err != nil {
		return res, err
	}
	if r.Kind == TypeIDLocal {
		res.Value, res.LocalValue, res.Found = uint64(r.Type), uint64(r.Type), true
		return res, nil
	}
	cands, err := x.candidates(r.Type)
	if err != nil {
		return res, err
	}
	res.Candidates = len(cands)
	here, err := x.here.fact(x.order)
	if err != nil {
		return res, err
	}
	res.LocalValue, res.strict, res.oldSize = here.value, here.strict, here.size

	steps := min(reloBudget, x.steps)
	given := steps
	var (
		bits   uint64
		pruned bool
		kept   []candidate // candidates that matched, set once one did not match
	)
	for i, c := range cands {
		ok, err := x.there.match(&x.here, c, &steps)
		if err != nil {
			return res, err
		}
		if !ok {
			if !pruned {
				pruned = true
				kept = append(kept, cands[:i]...)
			}
			continue
		}
		there, err := x.there.fact(x.order)
		if err != nil {
			return res, err
		}
		switch {
		case !res.Found:
			res.Found = true
			res.Value, res.TargetBTF, res.TargetType = there.value, c.spec, c.id
			bits = x.there.bits
			res.setWidth(here, there)
		case x.there.bits != bits || there.value != res.Value:
			return res, x.ambiguous(res, c)
		}
		if pruned {
			kept = append(kept, c)
		}
	}
	x.steps -= given - steps

	if !res.Found {
		none, ok := missing(r.Kind)
		res.Value, res.Poison = none.value, !ok
		return res, nil
	}
	if pruned {
		x.cands[r.Type] = kept
	}
	return res, nil
}

// setWidth decides whether loads and stores at the offset may keep or change their width.
func (res *Result) setWidth(here, there fact) {
	res.newSize = there.size
	if here.size == there.size {
		return
	}
	lk, tk := here.typ.Kind(), there.typ.Kind()
	pointers := lk == btf.KindPtr && tk == btf.KindPtr
	ints := lk == btf.KindInt && tk == btf.KindInt && here.typ.IntEncoding() != btf.Signed &&
		there.typ.IntEncoding() != btf.Signed
	res.badWidth = !pointers && !ints
}

// candidates returns the remaining candidates for a local root type.
func (x *Resolver) candidates(id btf.ID) ([]candidate, error) {
	if list, ok := x.cands[id]; ok {
		return list, nil
	}
	t, _ := x.local.Type(id)
	if t.Name() == "" {
		return nil, errorf(einval, "a type without a name cannot be looked up in the target")
	}
	list, err := x.target.candidates(btf.EssentialName(t.Name()), t.Kind())
	if err != nil {
		return nil, err
	}
	x.cands[id] = list
	return list, nil
}

// ambiguous returns the error for two candidates, that of res and c, which is in x.there, with
// different results.
func (x *Resolver) ambiguous(res Result, c candidate) error {
	second := x.there.String()
	var first spec
	steps := reloBudget
	if ok, err := first.match(&x.here, candidate{res.TargetBTF, res.TargetType}, &steps); !ok ||
		err != nil {
		return errorf(einval, "ambiguous: the target has more than one, among them %s", second)
	}
	return errorf(einval, "ambiguous: the target has %s and %s", first.String(), second)
}
