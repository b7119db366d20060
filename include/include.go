// Package include embeds the headers that BPF programs in C are compiled with.
package include

import (
	"embed"
	"io/fs"
	"iter"
)

//go:generate go run ../internal/headergen bpf

// Files has the headers in two folders: bpf/*.h are drop-in replacements for libbpf's headers of
// the same names; uapi/linux/*.h are the kernel headers that these and most programs need, for
// machines without kernel headers:
//
//	clang -I DIR -I DIR/uapi
//
//go:embed bpf uapi
var Files embed.FS

// All yields the headers: their names in Files and their texts.
func All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		err := fs.WalkDir(Files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := Files.ReadFile(name)
			if err == nil && !yield(name, text) {
				err = fs.SkipAll
			}
			return err
		})
		if err != nil {
			panic(err) // an embedded file can be read
		}
	}
}

// Mark is in the second line of each of them.
const Mark = "purebpf header"
