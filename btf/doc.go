// Package btf reads, checks, edits and prints BTF, the type information of BPF objects and of the
// kernel.
//
// A [Spec] is one BTF blob read in place: parsing walks the type section once and keeps nothing but
// the offset of each record. A [Type] is a view over a record, a value that costs no allocation;
// names are strings over the blob. Everything else (names looked up, sizes) is worked out when
// asked. The blob may be a read-only memory mapping; it must stay valid and unchanged for as long
// as the Spec or any string taken from it is in use.
//
// A [Builder] makes new BTF or changes a copy of one. [ParseExt] reads .BTF.ext: function and line
// information and CO-RE relocations. [AppendValue] and [AppendJSON] print data of a type.
//
// Input may be hostile: errors are of type [*FormatError], no view leaves the blob, every recursion
// is bounded, and references that lead nowhere answer "not found" where they are used;
// [Spec.Validate] finds them all beforehand, as libbpf does.
//
// The package makes no system call and builds on every OS.
package btf
