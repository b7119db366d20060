package skel

import (
	"fmt"
	"slices"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/object"
)

// Ops is a variable of a struct_ops section before the load.
type Ops struct {
	o *Opened
	m *object.Map
}

// StructOps returns the struct_ops variable of that name, to bind its members.
func (o *Opened) StructOps(name string) *Ops {
	m, err := o.Object.FindMap(name)
	o.note(err)
	if m != nil && m.StructOps == nil {
		o.note(fmt.Errorf("map %s: it is no struct_ops map: %w", name, syscall.EINVAL))
		m = nil
	}
	return &Ops{o, m}
}

// Program sets *to to the program in a function pointer. The load stores the program that *to has
// then in the pointer; nil leaves it NULL.
func (s *Ops) Program(member string, to **object.Program) {
	if s.m == nil || s.o.err != nil {
		return
	}
	t, _ := s.o.Object.BTF.Type(s.m.StructOps.Type)
	index := slices.IndexFunc(members(t), func(m btf.Member) bool { return m.Name == member })
	if index < 0 {
		s.o.note(fmt.Errorf("map %s: no member %s", s.m.Name, member))
		return
	}
	slot := func() *object.StructOpsSlot {
		ops := s.m.StructOps
		for i := range ops.Slots {
			if ops.Slots[i].Member == index {
				return &ops.Slots[i]
			}
		}
		return nil
	}
	if have := slot(); have != nil {
		*to = have.Program
	}
	s.o.ops = append(s.o.ops, func() error {
		have := slot()
		switch {
		case have != nil:
			have.Program = *to
		case *to != nil:
			at := slices.IndexFunc(s.m.StructOps.Slots, func(other object.StructOpsSlot) bool {
				return other.Member > index
			})
			if at < 0 {
				at = len(s.m.StructOps.Slots)
			}
			s.m.StructOps.Slots = slices.Insert(s.m.StructOps.Slots, at, object.StructOpsSlot{
				Member: index, Offset: t.Member(index).BitOffset / 8, Program: *to})
		}
		return nil
	})
}

func members(t btf.Type) []btf.Member {
	list := make([]btf.Member, t.Vlen())
	for i := range list {
		list[i] = t.Member(i)
	}
	return list
}

// OpsMember sets *to to the value of the member at an offset. The load uses the value that *to has
// then.
func OpsMember[T any](s *Ops, off int, to *T) {
	if s.m == nil || s.o.err != nil {
		return
	}
	size := int(unsafe.Sizeof(*to))
	b := s.m.Bytes()
	if off+size > len(b) {
		s.o.note(fmt.Errorf("map %s: a member at offset %d lies outside: %w", s.m.Name, off,
			syscall.EINVAL))
		return
	}
	*to = Get[T](b[off:])
	s.o.ops = append(s.o.ops, func() error {
		if b := s.m.Bytes(); off+size <= len(b) {
			Set(b[off:off+size], *to)
		}
		return nil
	})
}
