package cdump

import (
	"errors"
	"fmt"

	"github.com/purebpf/bpf/btf"
)

// errCycle reports a type that contains itself.
var errCycle = errors.New("the type contains itself")

// orderType queues the definitions that id depends on and then its own. pointer means that a
// pointer leads to id. strong reports that a type that embeds id needs its definition; otherwise a
// forward declaration suffices.
func (d *Dumper) orderType(id btf.ID, pointer bool, depth int) (strong bool, err error) {
	if id == 0 { // void is complete, so that a typedef of it can be written
		return true, nil
	}
	if err := d.step(depth); err != nil {
		return false, err
	}
	t, err := d.typ(id)
	if err != nil {
		return false, err
	}
	s := &d.states[id]
	switch s.order {
	case done:
		return true, nil
	case underway:
		if t.Kind().IsComposite() && pointer && t.NameOff() != 0 {
			return false, nil
		}
		return false, errCycle
	}
	switch t.Kind() {
	case btf.KindPtr:
		strong, err = d.orderType(t.Ref(), true, depth+1)
		s.order = done
		return strong, err
	case btf.KindArray:
		return d.orderType(t.Array().Elem, false, depth+1)
	case btf.KindStruct, btf.KindUnion:
		return d.orderComposite(t, s, pointer, depth)
	case btf.KindEnum, btf.KindEnum64, btf.KindFwd:
		if t.NameOff() != 0 || !s.referenced {
			d.queue = append(d.queue, id)
		}
		s.order = done
		return true, nil
	case btf.KindTypedef:
		strong, err = d.orderType(t.Ref(), pointer, depth+1)
		if err != nil || pointer && !strong {
			return false, err
		}
		d.queue = append(d.queue, id)
		s.order = done
		return true, nil
	case btf.KindVolatile, btf.KindConst, btf.KindRestrict, btf.KindTypeTag:
		return d.orderType(t.Ref(), pointer, depth+1)
	case btf.KindFuncProto:
		strong, err = d.orderType(t.Ref(), pointer, depth+1)
		for i := 0; i < t.Vlen() && err == nil; i++ {
			var needed bool
			needed, err = d.orderType(t.Param(i).Type, pointer, depth+1)
			strong = strong || needed
		}
		return strong, err
	case btf.KindInt, btf.KindFloat, btf.KindFunc, btf.KindVar, btf.KindDatasec, btf.KindDeclTag:
		s.order = done
		return false, nil
	}
	return false, fmt.Errorf("type [%d] is a %v, which C can't declare", id, t.Kind())
}

// orderComposite orders a struct or union. Behind a pointer only an anonymous one is needed.
func (d *Dumper) orderComposite(
	t btf.Type, s *typeState, pointer bool, depth int,
) (strong bool, err error) {
	named := t.NameOff() != 0
	if pointer && named {
		return false, nil
	}
	s.order = underway
	for i := range t.Vlen() {
		if _, err := d.orderType(t.Member(i).Type, false, depth+1); err != nil {
			return false, err
		}
	}
	if named {
		d.queue = append(d.queue, t.ID())
	}
	s.order = done
	return true, nil
}
