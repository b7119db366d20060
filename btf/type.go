package btf

const maxVlen = 0xffffff // bits 0-23 of the info word

// Type is a view of one type, valid as long as its Spec's bytes are. The zero Type is void. Methods
// that do not apply to the kind return zero; an index beyond Vlen gives a zero element.
type Type struct {
	spec *Spec // owner of the record: the Spec itself or one of its bases
	id   ID
	off  uint32
	info uint32
}

// Member is a member of a struct or union. BitSize is 0 unless it is a bit field of a type with
// KFlag; older BTF expresses bit fields by INTs with a bit offset or few bits.
type Member struct {
	Name      string // "" if anonymous
	Type      ID
	BitOffset uint32
	BitSize   uint32
}

// Param is a parameter of a FUNC_PROTO. A last one without name and of type 0 stands for "...".
type Param struct {
	Name string
	Type ID
}

// Enumerator is a constant of an ENUM or ENUM64. Values of a signed 32-bit ENUM are sign-extended;
// convert a value of an unsigned ENUM64 to uint64.
type Enumerator struct {
	Name  string
	Value int64
}

// Array describes an ARRAY.
type Array struct {
	Elem   ID
	Index  ID
	Nelems uint32
}

// SecVar is a variable (or extern function) of a DATASEC.
type SecVar struct {
	Type   ID
	Offset uint32
	Size   uint32
}

// ID returns the type's number.
func (t Type) ID() ID { return t.id }

// Kind returns the type's kind.
func (t Type) Kind() Kind { return Kind(t.info >> 24 & kindMax) }

// Vlen returns the number of elements: members, parameters, enumerators, variables. (For a FUNC it
// is the linkage: see Linkage.)
func (t Type) Vlen() int { return int(t.info & maxVlen) }

// KFlag returns the kind flag: bit fields (STRUCT, UNION), union (FWD), signed (ENUM, ENUM64),
// attribute (TYPE_TAG, DECL_TAG).
func (t Type) KFlag() bool { return t.info>>31 != 0 }

// Info returns the whole info word.
func (t Type) Info() uint32 { return t.info }

func (t Type) word(off uint32) uint32 { return host.Uint32(t.spec.types[t.off+off:]) }

// NameOff returns the offset of the name in the strings, 0 for none.
func (t Type) NameOff() uint32 {
	if t.spec == nil {
		return 0
	}
	return t.word(0)
}

// Name returns the type's name, "" if anonymous or if the offset is outside the strings. Names of
// types, members, parameters and enumerators are cut at 4096 bytes.
func (t Type) Name() string {
	if t.spec == nil {
		return ""
	}
	return t.spec.str(t.word(0))
}

// Size returns the size in bytes of an INT, FLOAT, STRUCT, UNION, ENUM, ENUM64 or DATASEC.
func (t Type) Size() uint32 {
	if kinds[t.Kind()].third != thirdSize {
		return 0
	}
	return t.word(8)
}

// Ref returns the type that a PTR, TYPEDEF, CONST, VOLATILE, RESTRICT, TYPE_TAG, VAR, FUNC or
// DECL_TAG refers to, or the return type of a FUNC_PROTO.
func (t Type) Ref() ID {
	if kinds[t.Kind()].third != thirdRef {
		return 0
	}
	return ID(t.word(8))
}

// Record returns the whole record in host byte order. It must not be changed.
func (t Type) Record() []byte {
	if t.spec == nil {
		return nil
	}
	end := t.spec.after(int(t.id-t.spec.first), t.off)
	return t.spec.types[t.off:end:end]
}

// IntEncoding returns how to read an INT.
func (t Type) IntEncoding() IntEncoding {
	if t.Kind() != KindInt {
		return 0
	}
	return IntEncoding(t.word(12) >> 24 & 0xf)
}

// IntBits returns the number of bits of an INT.
func (t Type) IntBits() uint8 {
	if t.Kind() != KindInt {
		return 0
	}
	return uint8(t.word(12))
}

// IntOffset returns the offset of an INT's bits within its bytes, which is nonzero only in
// old-style bit fields.
func (t Type) IntOffset() uint8 {
	if t.Kind() != KindInt {
		return 0
	}
	return uint8(t.word(12) >> 16)
}

// elem returns the offset of element i's words within the type section.
func (t Type) elem(i int, size uint32) (off uint32, ok bool) {
	return t.off + headSize + uint32(i)*size, uint(i) < uint(t.Vlen())
}

// Member returns the i-th member of a STRUCT or UNION.
func (t Type) Member(i int) Member {
	off, ok := t.elem(i, 12)
	if !ok || !t.Kind().IsComposite() {
		return Member{}
	}
	w := t.spec.types[off : off+12]
	m := Member{Name: t.spec.str(host.Uint32(w)), Type: ID(host.Uint32(w[4:])),
		BitOffset: host.Uint32(w[8:])}
	if t.KFlag() {
		m.BitSize = m.BitOffset >> 24
		m.BitOffset &= 0xffffff
	}
	return m
}

// Param returns the i-th parameter of a FUNC_PROTO.
func (t Type) Param(i int) Param {
	off, ok := t.elem(i, 8)
	if !ok || t.Kind() != KindFuncProto {
		return Param{}
	}
	w := t.spec.types[off : off+8]
	return Param{Name: t.spec.str(host.Uint32(w)), Type: ID(host.Uint32(w[4:]))}
}

// Enumerator returns the i-th constant of an ENUM or ENUM64.
func (t Type) Enumerator(i int) Enumerator {
	if !t.Kind().IsEnum() || uint(i) >= uint(t.Vlen()) {
		return Enumerator{}
	}
	off := t.off + headSize + uint32(i)*uint32(kinds[t.Kind()].elem)
	return Enumerator{Name: t.spec.str(host.Uint32(t.spec.types[off:])), Value: t.enumValue(i)}
}

// enumValue returns the value of an existing constant.
func (t Type) enumValue(i int) int64 {
	if t.Kind() == KindEnum64 {
		w := t.spec.types[t.off+headSize+12*uint32(i)+4:]
		return int64(uint64(host.Uint32(w[4:]))<<32 | uint64(host.Uint32(w)))
	}
	v := host.Uint32(t.spec.types[t.off+headSize+8*uint32(i)+4:])
	if t.KFlag() {
		return int64(int32(v))
	}
	return int64(v)
}

// Array returns element type, index type and length of an ARRAY.
func (t Type) Array() Array {
	if t.Kind() != KindArray {
		return Array{}
	}
	return Array{Elem: ID(t.word(12)), Index: ID(t.word(16)), Nelems: t.word(20)}
}

// Linkage returns the linkage of a FUNC or VAR.
func (t Type) Linkage() Linkage {
	switch t.Kind() {
	case KindFunc:
		return Linkage(t.Vlen())
	case KindVar:
		return Linkage(t.word(12))
	}
	return 0
}

// SecVar returns the i-th variable of a DATASEC.
func (t Type) SecVar(i int) SecVar {
	off, ok := t.elem(i, 12)
	if !ok || t.Kind() != KindDatasec {
		return SecVar{}
	}
	w := t.spec.types[off : off+12]
	return SecVar{Type: ID(host.Uint32(w)), Offset: host.Uint32(w[4:]), Size: host.Uint32(w[8:])}
}

// Component returns the member or parameter to which a DECL_TAG applies, -1 if it applies to the
// whole type.
func (t Type) Component() int32 {
	if t.Kind() != KindDeclTag {
		return 0
	}
	return int32(t.word(12))
}

// FwdKind returns the kind that a FWD declares: KindStruct or KindUnion.
func (t Type) FwdKind() Kind {
	switch {
	case t.Kind() != KindFwd:
		return KindVoid
	case t.KFlag():
		return KindUnion
	}
	return KindStruct
}
