// Package maprules is a table of the kernel's requirements for maps of each type: sizes of keys and
// values, numbers of entries, flags, map_extra, BTF, the inner map. For a map that breaks a rule,
// BPF_MAP_CREATE returns only an errno; here the rule has a name. Package preflight uses the table
// to answer without a kernel, a load uses it to explain a refusal.
//
// The rules are those of Linux up to 6.18. Facts that a rule depends on besides the map (the
// version, the size of a page, the configuration) are in Kernel.
//
// The package is pure: it makes no system calls.
package maprules
