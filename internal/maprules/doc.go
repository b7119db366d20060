// Package maprules is one table of what kernels ask of a map of each type before they make it:
// sizes of keys and values, numbers of
// entries, flags, map_extra, BTF, the inner map. BPF_MAP_CREATE answers a map that breaks a rule
// with a bare errno; here the rule
// has a name. Preflight reads the table to answer without a kernel, a load to explain what a
// kernel refused.
//
// The rules are those of Linux up to 6.18. What a rule depends on beside the map (the version,
// the size of a page, the configuration)
// is in Kernel.
//
// Floor 4: facts about kernels, pure.
package maprules
