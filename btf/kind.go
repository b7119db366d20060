package btf

import "strconv"

// ID is the number of a type. 0 is void; a base BTF counts from 1, a split BTF continues after its
// base.
type ID uint32

// Kind is the kind of a type (BTF_KIND_*). Values up to 127 can occur: BTF with a kind layout may
// hold kinds that this package does not know.
type Kind uint8

// The kinds that the format defines.
const (
	KindVoid      Kind = 0
	KindInt       Kind = 1
	KindPtr       Kind = 2
	KindArray     Kind = 3
	KindStruct    Kind = 4
	KindUnion     Kind = 5
	KindEnum      Kind = 6
	KindFwd       Kind = 7
	KindTypedef   Kind = 8
	KindVolatile  Kind = 9
	KindConst     Kind = 10
	KindRestrict  Kind = 11
	KindFunc      Kind = 12
	KindFuncProto Kind = 13
	KindVar       Kind = 14
	KindDatasec   Kind = 15
	KindFloat     Kind = 16
	KindDeclTag   Kind = 17
	KindTypeTag   Kind = 18
	KindEnum64    Kind = 19

	kindMax = 127 // the kind field has 7 bits
)

// third is the meaning of the third word of a record.
type third uint8

const (
	thirdUnused third = iota
	thirdSize
	thirdRef
)

// kindRow describes the records of one kind: a header of 12 bytes, then words that occur once, then
// vlen elements.
type kindRow struct {
	name  string // as bpftool prints it; "" if unknown
	size  uint8  // bytes of the record without elements, header included; 0 if unknown
	elem  uint8  // bytes of one element
	third third

	// ids, elemStrs and elemIDs are bit sets of the words that are type ids or string offsets: in
	// the record (word 0 is always a string offset), and in each element.
	ids, elemStrs, elemIDs uint8
}

const headSize = 12 // name_off, info, size or type

// kinds is indexed by Kind; rows without a name are kinds that this package does not know.
var kinds = [kindMax + 1]kindRow{
	KindVoid:      {"UNKNOWN", 0, 0, thirdUnused, 0, 0, 0},
	KindInt:       {"INT", 16, 0, thirdSize, 0, 0, 0},
	KindPtr:       {"PTR", 12, 0, thirdRef, 1 << 2, 0, 0},
	KindArray:     {"ARRAY", 24, 0, thirdUnused, 1<<3 | 1<<4, 0, 0},
	KindStruct:    {"STRUCT", 12, 12, thirdSize, 0, 1 << 0, 1 << 1},
	KindUnion:     {"UNION", 12, 12, thirdSize, 0, 1 << 0, 1 << 1},
	KindEnum:      {"ENUM", 12, 8, thirdSize, 0, 1 << 0, 0},
	KindFwd:       {"FWD", 12, 0, thirdUnused, 0, 0, 0},
	KindTypedef:   {"TYPEDEF", 12, 0, thirdRef, 1 << 2, 0, 0},
	KindVolatile:  {"VOLATILE", 12, 0, thirdRef, 1 << 2, 0, 0},
	KindConst:     {"CONST", 12, 0, thirdRef, 1 << 2, 0, 0},
	KindRestrict:  {"RESTRICT", 12, 0, thirdRef, 1 << 2, 0, 0},
	KindFunc:      {"FUNC", 12, 0, thirdRef, 1 << 2, 0, 0},
	KindFuncProto: {"FUNC_PROTO", 12, 8, thirdRef, 1 << 2, 1 << 0, 1 << 1},
	KindVar:       {"VAR", 16, 0, thirdRef, 1 << 2, 0, 0},
	KindDatasec:   {"DATASEC", 12, 12, thirdSize, 0, 0, 1 << 0},
	KindFloat:     {"FLOAT", 12, 0, thirdSize, 0, 0, 0},
	KindDeclTag:   {"DECL_TAG", 16, 0, thirdRef, 1 << 2, 0, 0},
	KindTypeTag:   {"TYPE_TAG", 12, 0, thirdRef, 1 << 2, 0, 0},
	KindEnum64:    {"ENUM64", 12, 12, thirdSize, 0, 1 << 0, 0},
}

// String returns the kind's name without BTF_KIND_, "KIND(n)" for an unknown kind.
func (k Kind) String() string {
	if k <= kindMax && kinds[k].name != "" {
		return kinds[k].name
	}
	return "KIND(" + strconv.Itoa(int(k)) + ")"
}

// IsModifier reports whether k is typedef, const, volatile, restrict or type_tag, which [Spec.Skip]
// strips.
func (k Kind) IsModifier() bool {
	switch k {
	case KindTypedef, KindVolatile, KindConst, KindRestrict, KindTypeTag:
		return true
	}
	return false
}

// IsComposite reports whether k is struct or union.
func (k Kind) IsComposite() bool { return k == KindStruct || k == KindUnion }

// IsEnum reports whether k is enum or enum64.
func (k Kind) IsEnum() bool { return k == KindEnum || k == KindEnum64 }

// Linkage is the linkage of a function or variable.
type Linkage uint32

// The linkages that the format defines (BTF_FUNC_*, BTF_VAR_*).
const (
	LinkageStatic Linkage = 0
	LinkageGlobal Linkage = 1
	LinkageExtern Linkage = 2
)

// String returns "static", "global", "extern", or "linkage(n)".
func (l Linkage) String() string {
	switch l {
	case LinkageStatic:
		return "static"
	case LinkageGlobal:
		return "global"
	case LinkageExtern:
		return "extern"
	}
	return "linkage(" + strconv.FormatUint(uint64(l), 10) + ")"
}

// IntEncoding says how to read an INT. It is a set of flags; usually none or one is set.
type IntEncoding uint8

// The encodings that the format defines (BTF_INT_*).
const (
	Signed IntEncoding = 1
	Char   IntEncoding = 2
	Bool   IntEncoding = 4
)

// String returns bpftool's text: "(none)", "SIGNED", "CHAR", "BOOL", or the number.
func (e IntEncoding) String() string {
	switch e {
	case 0:
		return "(none)"
	case Signed:
		return "SIGNED"
	case Char:
		return "CHAR"
	case Bool:
		return "BOOL"
	}
	return strconv.Itoa(int(e))
}
