// Package include embeds the headers that BPF programs in C are compiled with.
package include

import "embed"

//go:generate go run ../internal/headergen bpf

// Files has bpf/*.h, drop-in for libbpf's headers of the same names.
//
//go:embed bpf
var Files embed.FS
