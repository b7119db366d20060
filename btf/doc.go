// Package btf reads, checks, edits and prints BTF, the type information of BPF objects and of the
// kernel.
//
// A [Spec] is one BTF blob read in place: parsing walks the type section once and keeps only the
// offset of each record. A [Type] is a view of a record, a value that costs no allocation; names
// are strings over the blob. Everything else (lookups of names, sizes) is computed when needed. The
// blob may be a read-only memory mapping; it must stay valid and unchanged for as long as the Spec
// or any string taken from it is in use.
//
// A [Builder] makes new BTF or changes a copy, and removes duplicate types. [ParseExt] reads
// .BTF.ext: function and line information and CO-RE relocations. [AppendValue] and [AppendJSON]
// print data of a type.
//
// Input may be hostile: errors are of type [*FormatError], no view exceeds the blob, every
// recursion is bounded, and an invalid reference gives "not found" where it is used;
// [Spec.Validate] finds all invalid references in advance, as libbpf does.
//
// The package makes no system calls and builds on every OS.
package btf
