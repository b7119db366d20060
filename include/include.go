// Package include embeds the headers that BPF programs in C are compiled with.
package include

import "embed"

//go:generate go run ../internal/headergen bpf

// Files has the headers in two folders: bpf/*.h are drop-in replacements for libbpf's headers of
// the same names; uapi/linux/*.h are the kernel headers that these and most programs need, for
// machines without kernel headers:
//
//	clang -I DIR -I DIR/uapi
//
//go:embed bpf uapi
var Files embed.FS

// Mark is in the second line of each of them.
const Mark = "purebpf header"
