// Package core resolves CO-RE relocations: from one access of a local type and the BTF of a target
// kernel it computes a value and patches an instruction.
//
// # What CO-RE is
//
// A program that reads task->pid is compiled with certain headers. Where the kernel that runs it
// keeps pid, how wide the field is and whether it exists at all is known only at load. So the
// compiler leaves a record for the instruction that depends on such a fact: the local type (by BTF
// id), an access string such as "0:1:2" and the kind of fact. Resolving the record means finding
// the same thing in the target's BTF and writing the fact into the instruction.
//
// # How a record is resolved
//
//  1. The access string is read with the local type (spec.go). The first number indexes the type as
//     if it were an array; each further number selects a member of a struct or union or an element
//     of an array. Only the *named* members and the array steps are used for matching: unnamed
//     structs and unions only contribute their offset to the local side, because the target may
//     nest differently. For an enumerator the string is its index; for a type it is "0".
//  2. Candidates are all target types of the same kind (ENUM and ENUM64 count as one) with the same
//     essential name: the name without a ___flavour suffix, by which a program holds several
//     versions of a type (target.go). They come from the target's vmlinux BTF; if that has none,
//     from every module's own types; never from modules if the caller chose the BTF.
//  3. Each candidate is matched (match.go): every named step must be found by its exact name,
//     possibly inside unnamed members, and have a compatible type; every array step must be in
//     range. Type relocations compare whole types (compat.go, typematch.go).
//  4. For each candidate that matches, the value is computed (value.go). All must agree on it, on
//     the bit offset and on whether the access is possible: several flavours of one kernel type may
//     match, but not with different results. Candidates that did not match are then removed, so
//     that later records of the same local type do not consider them (resolve.go).
//  5. If nothing matches, existence, type id and type size are 0. An offset, size, sign, shift or
//     enumerator value has no value, so the instruction is poisoned: it becomes a call of a helper
//     that does not exist, which the verifier rejects only if it can be reached. So a program that
//     first checks whether the field exists loads on every kernel.
//  6. The instruction is checked to hold the local value, as far as compilers agree on it, and
//     patched (patch.go). A load or store of a field whose width changed gets the new width if zero
//     extension keeps the value: between pointers, and between integers neither of which has the
//     encoding SIGNED. Otherwise it is poisoned.
//
// All of this works on raw BTF by type id. No graph of types is built, and apart from one pass over
// the target's names, only target types reached from candidates are read. Target BTF may be
// hostile: work is limited by a step budget per Resolver.
//
// The counterpart in libbpf is relo_core.c and the functions around bpf_object__relocate_core.
package core

import (
	"fmt"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/printable"
)

// Kind is the fact that a relocation asks for, enum bpf_core_relo_kind.
type Kind uint32

const (
	FieldByteOffset Kind = iota // offset of a field in bytes
	FieldByteSize               // size of a field in bytes
	FieldExists                 // 1 if the field exists
	FieldSigned                 // 1 if the field is signed
	FieldLShiftU64              // left shift that moves a bitfield to the top of a 64-bit register
	FieldRShiftU64              // right shift that moves it down again
	TypeIDLocal                 // BTF id of the type in the object itself
	TypeIDTarget                // BTF id of the type in the target
	TypeExists                  // 1 if the type exists
	TypeSize                    // size of the type in bytes
	EnumvalExists               // 1 if the enumerator exists
	EnumvalValue                // value of the enumerator
	TypeMatches                 // 1 if the type exists and matches member by member
	kindCount
)

// kinds describes the relocation kinds: libbpf's word for them in messages, and the meaning of
// their access string.
var kinds = [kindCount]struct {
	text  string
	class class
}{
	FieldByteOffset: {"byte_off", classField},
	FieldByteSize:   {"byte_sz", classField},
	FieldExists:     {"field_exists", classField},
	FieldSigned:     {"signed", classField},
	FieldLShiftU64:  {"lshift_u64", classField},
	FieldRShiftU64:  {"rshift_u64", classField},
	TypeIDLocal:     {"local_type_id", classType},
	TypeIDTarget:    {"target_type_id", classType},
	TypeExists:      {"type_exists", classType},
	TypeSize:        {"type_size", classType},
	EnumvalExists:   {"enumval_exists", classEnumval},
	EnumvalValue:    {"enumval_value", classEnumval},
	TypeMatches:     {"type_matches", classType},
}

type class uint8

const (
	classUnknown class = iota
	classField
	classType
	classEnumval
)

// String returns libbpf's word for the kind: "byte_off", "type_exists", ...
func (k Kind) String() string {
	if k < kindCount {
		return kinds[k].text
	}
	return "unknown"
}

func (k Kind) class() class {
	if k < kindCount {
		return kinds[k].class
	}
	return classUnknown
}

// Relo is one CO-RE relocation record, struct bpf_core_relo without its instruction.
type Relo struct {
	Kind   Kind
	Type   btf.ID // root type in the object's BTF
	Access string // "0:1:2"; "0" for type kinds
}

// Linux error numbers that libbpf returns. The package also builds on systems without them.
const (
	e2big  = 7
	einval = 22
	erange = 34
)

// Error reports a relocation that is malformed, ambiguous, or does not fit its instruction. If the
// target lacks a type or field, that is not an error: the instruction is poisoned.
type Error struct {
	Errno int    // Linux error number with which libbpf fails the load: 22 is EINVAL
	Spec  string // the relocation as Describe prints it
	Text  string // what is wrong
}

func (e *Error) Error() string {
	if e.Spec == "" {
		return printable.Text("CO-RE: " + e.Text)
	}
	return printable.Text("CO-RE " + e.Spec + ": " + e.Text)
}

func errorf(errno int, format string, args ...any) error {
	return &Error{Errno: errno, Text: fmt.Sprintf(format, args...)}
}
