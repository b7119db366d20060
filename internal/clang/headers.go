package clang

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"

	"github.com/purebpf/bpf/include"
	"github.com/purebpf/bpf/internal/replace"
)

// stubs stands for a header of glibc that only its 32-bit package has. Clang for BPF, which is no
// x86-64, asks for it with almost every header of glibc.
var stubs = replace.File{Path: "uapi/gnu/stubs-32.h", Data: []byte("/* nothing */\n")}

// preferred is the folder that has nothing but our linux/bpf.h, to precede an older one of the
// system. The system's other headers go with either.
const preferred = "preferred"

// WriteHeaders writes the headers of package include into a folder of cache that is theirs alone,
// unless they are there, and returns it.
func WriteHeaders(cache string) (dir string, err error) {
	files := []replace.File{stubs}
	sum := sha256.New()
	sum.Write(stubs.Data)
	for name, text := range include.All() {
		sum.Write([]byte(name + "\x00"))
		sum.Write(text)
		files = append(files, replace.File{Path: filepath.FromSlash(name), Data: text})
		if name == linuxBPF {
			files = append(files, replace.File{Path: preferred + "/linux/bpf.h", Data: text})
		}
	}
	dir = filepath.Join(cache, "include", hex.EncodeToString(sum.Sum(nil)[:8]))
	for i := range files {
		files[i].Path = filepath.Join(dir, files[i].Path)
	}
	return dir, replace.Files(files...)
}
