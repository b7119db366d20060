package object

import (
	"fmt"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/uapi"
)

// SetValueSize changes the size of the map's value before it is created (bpf_map__set_value_size).
// For a data section's map it resizes the array at the section's end to what this machine needs:
// Contents keeps what fits, the rest is zero, and BTF gets the array's new length. If BTF cannot
// describe that (the last variable is not an array, or n splits an element), the map is created
// without BTF, and Object.Notes says so.
//
// It refuses an internal map whose Type was changed from an array.
func (m *Map) SetValueSize(n uint32) error {
	if m == nil {
		return errNothing("map")
	}
	if !m.Internal() {
		m.ValueSize = n
		return nil
	}
	o := m.object
	if m.Type != uapi.MapArray {
		return &Error{Object: o.Name, Section: m.Section, Reason: ReasonNotSupported,
			Msg: fmt.Sprintf("map %q of type %v cannot be resized", m.Name, m.Type)}
	}
	if m.Contents != nil {
		b := make([]byte, n)
		copy(b, m.Contents)
		m.Contents = b
	}
	m.ValueSize = n
	if m.ValueType == 0 {
		return nil
	}
	if err := m.resizeBTF(n); err != nil {
		m.KeyType, m.ValueType = 0, 0
		o.Notes = append(o.Notes,
			Note{m.Section, fmt.Sprintf(
				"map %q is created without BTF, which cannot describe %d bytes: %v",
				m.Name, n, err)})
	}
	return nil
}

// resizeBTF gives the last variable of the map's section an array type with the length that makes
// the section n bytes long.
func (m *Map) resizeBTF(n uint32) error {
	o := m.object
	sec, _ := o.BTF.Type(m.ValueType)
	if sec.Kind() != btf.KindDatasec || sec.Vlen() == 0 {
		return fmt.Errorf("%v [%d] has no variables", sec.Kind(), m.ValueType)
	}
	last := sec.SecVar(sec.Vlen() - 1)
	v, _ := o.BTF.Type(last.Type)
	t := o.BTF.Skip(v.Ref())
	if t.Kind() != btf.KindArray {
		return fmt.Errorf("the last variable %q is not an array", v.Name())
	}
	a := t.Array()
	elem, err := o.BTF.SizeOf(a.Elem)
	if err != nil {
		return err
	}
	if elem == 0 || n < last.Offset || uint64(n-last.Offset)%elem != 0 {
		return fmt.Errorf("%d bytes for the last variable %q are "+
			"not a multiple of its elements' %d",
			int64(n)-int64(last.Offset), v.Name(), elem)
	}
	b := o.BTF.Edit()
	array := b.AddArray(a.Index, a.Elem, uint32(uint64(n-last.Offset)/elem))
	b.SetRef(last.Type, array)
	last.Size = n - last.Offset
	b.SetSecVar(sec.ID(), sec.Vlen()-1, last)
	b.SetSize(sec.ID(), n)
	spec, err := b.Spec()
	if err != nil {
		return err
	}
	if err := spec.SetPointerSize(8); err != nil {
		return err
	}
	o.BTF = spec
	if x := m.Variable(v.Name()); x != nil {
		x.Type, x.Size = array, last.Size
	}
	return nil
}
