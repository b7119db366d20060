// Package uapi has the numbers of the kernel's BPF interface (include/uapi/linux/bpf.h): enums with
// the names that libbpf prints, and the flags that objects and loaders use. It is pure data: every
// package may import it, and it builds on every OS.
//
// Values beyond the tables are valid everywhere; a newer kernel may know them.
package uapi

import "strconv"

func name(names []string, v uint32, typ string) string {
	if uint64(v) < uint64(len(names)) && names[v] != "" {
		return names[v]
	}
	return typ + "(" + strconv.FormatUint(uint64(v), 10) + ")"
}
