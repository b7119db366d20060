package core

import (
	"encoding/binary"

	"github.com/purebpf/bpf/btf"
)

// fact is the value of a spec for its relocation kind.
type fact struct {
	value uint64
	// size is, for FieldByteOffset only, the width of a load or store at the offset. Arrays count
	// by element; it is 0 for bitfields.
	size uint64
	typ  btf.Type
	// strict means that compilers agree on the value, so the instruction must hold it.
	strict bool
}

// missing returns the fact for something that the target does not have. ok is false if the kind has
// no value for that.
func missing(k Kind) (_ fact, ok bool) {
	switch k {
	case FieldExists, EnumvalExists, TypeIDTarget, TypeExists, TypeSize, TypeMatches:
		return fact{}, true
	}
	return fact{}, false
}

// fact computes the fact for s. order is the byte order of the program, which determines where a
// bitfield is in a register.
func (s *spec) fact(order binary.ByteOrder) (fact, error) {
	switch s.kind.class() {
	case classType:
		return s.typeFact()
	case classEnumval:
		if s.kind == EnumvalExists {
			return fact{value: 1, strict: true}, nil
		}
		t, _ := s.btf.Type(s.acc[0].typ)
		return fact{value: enumeratorValue(t, s.acc[0].idx), strict: true}, nil
	}
	if s.kind == FieldExists {
		return fact{value: 1, strict: true}, nil
	}
	if s.acc[s.n-1].name == "" {
		return s.elementFact()
	}
	return s.fieldFact(order)
}

// enumeratorValue returns the value as in a 64-bit register; 32-bit enumerators are sign-extended
// whatever their enum says.
func enumeratorValue(t btf.Type, idx uint32) uint64 {
	v := t.Enumerator(int(idx)).Value
	if t.Kind() == btf.KindEnum {
		return uint64(int64(int32(v)))
	}
	return uint64(v)
}

func (s *spec) typeFact() (fact, error) {
	switch s.kind {
	case TypeIDTarget, TypeIDLocal:
		return fact{value: uint64(s.root)}, nil
	case TypeSize:
		size, err := s.sizeOf(s.root)
		return fact{value: size, strict: true}, err
	}
	return fact{value: 1, strict: true}, nil
}

// elementFact computes the fact for an access that ends in an array step.
func (s *spec) elementFact() (fact, error) {
	id := s.acc[s.n-1].typ
	size, err := s.sizeOf(id)
	if err != nil {
		return fact{}, err
	}
	switch s.kind {
	case FieldByteOffset:
		return fact{value: s.bits / 8, size: size, typ: s.btf.Skip(id), strict: true}, nil
	case FieldByteSize:
		return fact{value: size, strict: true}, nil
	}
	return fact{}, errorf(einval, "%s does not apply to an array element", s.kind)
}

func (s *spec) fieldFact(order binary.ByteOrder) (fact, error) {
	m := s.member()
	t := s.btf.Skip(m.Type)
	bitfield := m.BitSize > 0
	var size, off, bits uint64
	if bitfield {
		bits = uint64(m.BitSize)
		var err error
		if size, off, err = bitfieldUnit(s.bits, bits, t); err != nil {
			return fact{}, err
		}
	} else {
		var err error
		if size, err = s.sizeOf(t.ID()); err != nil {
			return fact{}, err
		}
		off, bits = s.bits/8, size*8
	}
	// Compilers may choose how they load a bitfield, but not its sign or its width.
	f := fact{strict: !bitfield}
	switch s.kind {
	case FieldByteOffset:
		f.value = off
		if !bitfield {
			for range maxDepth {
				if t.Kind() != btf.KindArray {
					break
				}
				t = s.btf.Skip(t.Array().Elem)
			}
			elem, err := s.sizeOf(t.ID())
			if err != nil {
				return fact{}, err
			}
			f.size, f.typ = elem, t
		}
	case FieldByteSize:
		f.value = size
	case FieldSigned:
		if t.Kind().IsEnum() && t.KFlag() ||
			t.Kind() == btf.KindInt && t.IntEncoding()&btf.Signed != 0 {
			f.value = 1
		}
		f.strict = true
	case FieldLShiftU64:
		if order == binary.ByteOrder(binary.BigEndian) {
			f.value = uint64(uint32((8-size)*8 + (s.bits - off*8)))
		} else {
			f.value = uint64(uint32(64 - (s.bits + bits - off*8)))
		}
	case FieldRShiftU64:
		f.value = uint64(uint32(64 - bits))
		f.strict = true
	}
	return f, nil
}

// bitfieldUnit returns the smallest aligned load that covers a bitfield of that offset and width,
// starting from the size of the field's type: its size and offset in bytes.
func bitfieldUnit(bitOff, bits uint64, t btf.Type) (size, off uint64, err error) {
	size = uint64(t.Size())
	if size == 0 || size&(size-1) != 0 || t.Kind() != btf.KindInt && !t.Kind().IsEnum() {
		return 0, 0, errorf(einval, "bitfield of type %s", typeText(t))
	}
	for {
		off = bitOff / 8 / size * size
		if size <= 8 && bitOff+bits-off*8 <= size*8 {
			return size, off, nil
		}
		if size >= 8 {
			return 0, 0, errorf(e2big,
				"bitfield of %d bits at bit %d cannot be read with one 64-bit load", bits, bitOff)
		}
		size *= 2
	}
}

func (s *spec) sizeOf(id btf.ID) (uint64, error) {
	size, err := s.btf.SizeOf(id)
	if err != nil {
		t, _ := s.btf.Type(id)
		return 0, errorf(einval, "%s has no size: %v", typeText(t), err)
	}
	return size, nil
}
