// Package include embeds the headers that BPF programs in C are compiled with.
package include

import "embed"

//go:generate go run ../internal/headergen bpf

// Files has the headers in two folders: bpf/*.h are drop-in for libbpf's of the same names, and
// uapi/linux/*.h are what they and most programs need of the kernel's, for machines that have no
// kernel headers:
//
//	clang -I DIR -I DIR/uapi
//
//go:embed bpf uapi
var Files embed.FS

// Mark is in the second line of each of them.
const Mark = "purebpf header"
