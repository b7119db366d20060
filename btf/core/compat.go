package core

import "github.com/purebpf/bpf/btf"

// maxDepth limits how many pointers, arrays and typedefs a comparison follows in a row, and how
// deep function prototypes and structs may nest.
const maxDepth = 32

// budget limits the work of comparing types: a few hundred bytes of hostile BTF can take
// exponential time to walk.
type budget int

// Steps per relocation and per Resolver. The largest struct of a kernel has some 400 members;
// comparing it with itself member by member takes 80,000.
const (
	reloBudget     budget = 1 << 20
	resolverBudget budget = 1 << 27
)

func (b *budget) spend(n int) error {
	if *b -= budget(n); *b < 0 {
		return errorf(einval, "types are too complex to compare")
	}
	return nil
}

// Compatible reports whether the types can stand for each other at a boundary: type existence, and
// externs (ksyms and kfuncs). Kinds must be the same at every level after modifiers and typedefs
// are stripped; names, sizes and members do not matter; arrays are compared by element and
// functions by parameters and result. The root kinds must also be the same before stripping: a
// typedef is not a struct. An error means that the types nest too deep to compare. libbpf:
// bpf_core_types_are_compat.
func Compatible(local *btf.Spec, a btf.ID, target *btf.Spec, b btf.ID) (bool, error) {
	steps := reloBudget
	return compatible(local, a, target, b, maxDepth, &steps)
}

func compatible(local *btf.Spec, a btf.ID, target *btf.Spec, b btf.ID, level int,
	steps *budget) (bool, error) {
	lt, ok1 := local.Type(a)
	tt, ok2 := target.Type(b)
	if !ok1 || !ok2 {
		return false, errorf(einval, "type id %d or target type id %d is out of range", a, b)
	}
	if !sameKind(lt.Kind(), tt.Kind()) {
		return false, nil
	}
	for range maxDepth {
		if err := steps.spend(1); err != nil {
			return false, err
		}
		lt, tt = local.Skip(a), target.Skip(b)
		if !sameKind(lt.Kind(), tt.Kind()) {
			return false, nil
		}
		switch lt.Kind() {
		case btf.KindVoid, btf.KindStruct, btf.KindUnion, btf.KindEnum, btf.KindEnum64, btf.KindFwd:
			return true, nil
		case btf.KindInt:
			return lt.IntOffset() == 0 && tt.IntOffset() == 0, nil
		case btf.KindPtr:
			a, b = lt.Ref(), tt.Ref()
		case btf.KindArray:
			a, b = lt.Array().Elem, tt.Array().Elem
		case btf.KindFuncProto:
			if lt.Vlen() != tt.Vlen() {
				return false, nil
			}
			for i := range lt.Vlen() {
				if level <= 0 {
					return false, errTooDeep()
				}
				lp, tp := local.Skip(lt.Param(i).Type), target.Skip(tt.Param(i).Type)
				if ok, err := compatible(local, lp.ID(), target, tp.ID(), level-1, steps); !ok ||
					err != nil {
					return false, err
				}
			}
			a, b = lt.Ref(), tt.Ref()
		default:
			return false, nil
		}
	}
	return false, errTooDeep()
}

func errTooDeep() error {
	return errorf(einval, "types nest deeper than %d levels", maxDepth)
}

// fieldsCompatible reports whether a target field can be accessed in place of a local one: structs
// and unions always, pointers with pointers, floats with floats, enums and forward declarations
// with the same name or without one, ints, and arrays by element.
func fieldsCompatible(local *btf.Spec, a btf.ID, target *btf.Spec, b btf.ID,
	steps *budget) (bool, error) {
	for {
		if err := steps.spend(1); err != nil {
			return false, err
		}
		lt, tt := local.Skip(a), target.Skip(b)
		lk, tk := lt.Kind(), tt.Kind()
		switch {
		case lk.IsComposite() && tk.IsComposite():
			return true, nil
		case !sameKind(lk, tk):
			return false, nil
		}
		switch lk {
		case btf.KindPtr, btf.KindFloat:
			return true, nil
		case btf.KindFwd, btf.KindEnum, btf.KindEnum64:
			ln, tn := btf.EssentialName(lt.Name()), btf.EssentialName(tt.Name())
			return ln == "" || tn == "" || ln == tn, nil
		case btf.KindInt:
			return lt.IntOffset() == 0 && tt.IntOffset() == 0, nil
		case btf.KindArray:
			a, b = lt.Array().Elem, tt.Array().Elem
		default:
			return false, nil
		}
	}
}
