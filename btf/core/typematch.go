package core

import "github.com/purebpf/bpf/btf"

// typesMatch is the relation of bpf_core_type_matches, stricter than Compatible. Names are compared
// at every level (essential names; unnamed matches only unnamed), ints must have the same size and
// sign, arrays the same length, and the target must have every member or enumerator of the local
// struct, union or enum; it may have more. Behind a pointer a struct or union is compared by kind
// and name only, and may be a forward declaration on either side. libbpf: __bpf_core_types_match.
func typesMatch(local *btf.Spec, a btf.ID, target *btf.Spec, b btf.ID, behindPtr bool, level int,
	steps *budget) (bool, error) {
	if level <= 0 {
		return false, errTooDeep()
	}
	for range maxDepth {
		if err := steps.spend(1); err != nil {
			return false, err
		}
		lt, tt := local.Skip(a), target.Skip(b)
		lk, tk := lt.Kind(), tt.Kind()
		if !namesMatch(lt.Name(), tt.Name()) {
			return false, nil
		}
		switch lk {
		case btf.KindVoid:
			return tk == lk, nil
		case btf.KindFwd:
			if tk == lk {
				return lt.KFlag() == tt.KFlag(), nil
			}
			return behindPtr && (tk == btf.KindStruct && !lt.KFlag() ||
				tk == btf.KindUnion && lt.KFlag()), nil
		case btf.KindEnum, btf.KindEnum64:
			if !tk.IsEnum() {
				return false, nil
			}
			return enumsMatch(lt, tt, steps)
		case btf.KindStruct, btf.KindUnion:
			switch {
			case tk == lk && behindPtr:
				return true, nil
			case tk == lk:
				return membersMatch(local, lt, target, tt, level, steps)
			case behindPtr && tk == btf.KindFwd:
				return (lk == btf.KindUnion) == tt.KFlag(), nil
			}
			return false, nil
		case btf.KindInt:
			return tk == lk && lt.Size() == tt.Size() &&
				(lt.IntEncoding()^tt.IntEncoding())&btf.Signed == 0, nil
		case btf.KindPtr:
			if tk != lk {
				return false, nil
			}
			behindPtr = true
			a, b = lt.Ref(), tt.Ref()
		case btf.KindArray:
			if tk != lk || lt.Array().Nelems != tt.Array().Nelems {
				return false, nil
			}
			a, b = lt.Array().Elem, tt.Array().Elem
		case btf.KindFuncProto:
			if tk != lk || lt.Vlen() != tt.Vlen() {
				return false, nil
			}
			for i := range lt.Vlen() {
				if ok, err := typesMatch(local, lt.Param(i).Type, target, tt.Param(i).Type,
					behindPtr, level-1, steps); !ok || err != nil {
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

// namesMatch compares names without flavours.
func namesMatch(local, target string) bool {
	return btf.EssentialName(local) == btf.EssentialName(target)
}

// enumsMatch reports whether the target has every local enumerator's name; values do not matter,
// the size does.
func enumsMatch(lt, tt btf.Type, steps *budget) (bool, error) {
	if lt.Size() != tt.Size() || lt.Vlen() > tt.Vlen() {
		return false, nil
	}
	return eachHas(lt.Vlen(), tt.Vlen(), steps, func(i, j int) (bool, error) {
		return namesMatch(lt.Enumerator(i).Name, tt.Enumerator(j).Name), nil
	})
}

// membersMatch reports whether for every local member the target has a member of the same name with
// a matching type.
func membersMatch(local *btf.Spec, lt btf.Type, target *btf.Spec, tt btf.Type, level int,
	steps *budget) (bool, error) {
	if lt.Vlen() > tt.Vlen() {
		return false, nil
	}
	return eachHas(lt.Vlen(), tt.Vlen(), steps, func(i, j int) (bool, error) {
		lm, tm := lt.Member(i), tt.Member(j)
		if !namesMatch(lm.Name, tm.Name) {
			return false, nil
		}
		return typesMatch(local, lm.Type, target, tm.Type, false, level-1, steps)
	})
}

// eachHas reports whether for every i below n there is a j below m for which has is true. Both
// sides usually have the same order, so each search starts where the last one ended.
func eachHas(n, m int, steps *budget, has func(i, j int) (bool, error)) (bool, error) {
	next := 0
	for i := range n {
		found := false
		for k := 0; k < m && !found; k++ {
			if err := steps.spend(1); err != nil {
				return false, err
			}
			j := next + k
			if j >= m {
				j -= m
			}
			ok, err := has(i, j)
			if err != nil {
				return false, err
			}
			if ok {
				found, next = true, j+1
			}
		}
		if !found {
			return false, nil
		}
	}
	return true, nil
}
