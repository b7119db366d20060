package clang

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"

	"github.com/purebpf/bpf/include"
)

// linuxBPF is the name of our linux/bpf.h in package include.
const linuxBPF = "uapi/linux/bpf.h"

// outdated reports whether the linux/bpf.h of the system is older than ours: whether it has fewer
// constants, of which each kernel adds some and removes none.
func (j *Job) outdated() bool {
	for _, dir := range j.systemFolders() {
		text, err := os.ReadFile(filepath.Join(dir, "linux", "bpf.h"))
		if err != nil {
			continue
		}
		ours, err := include.Files.ReadFile(linuxBPF)
		return err == nil && constants(text) < constants(ours)
	}
	return false
}

// systemFolders returns the folders in which clang looks for headers without being told.
func (j *Job) systemFolders() []string {
	root := "/"
	for i, f := range j.Flags {
		switch dir, joined := strings.CutPrefix(f, "--sysroot="); {
		case joined:
			root = dir
		case i > 0 && j.Flags[i-1] == "--sysroot":
			root = f
		}
	}
	dirs := filepath.SplitList(os.Getenv("C_INCLUDE_PATH"))
	return append(dirs, filepath.Join(root, "usr/local/include"), filepath.Join(root, "usr/include"))
}

// constants counts the different names of the form BPF_NAME in the text of a header, without its
// comments.
func constants(text []byte) int {
	names := map[string]bool{}
	for len(text) > 0 {
		code, rest, _ := bytes.Cut(text, []byte("/*"))
		_, text, _ = bytes.Cut(rest, []byte("*/"))
		words := bytes.FieldsFunc(code, func(r rune) bool {
			return r != '_' && !unicode.IsDigit(r) && !unicode.IsLetter(r)
		})
		for _, word := range words {
			if bytes.HasPrefix(word, []byte("BPF_")) {
				names[string(word)] = true
			}
		}
	}
	return len(names)
}

// multiarch returns the folder in which Debian keeps asm/types.h, "" if there is none.
func (j *Job) multiarch() string {
	for _, arch := range []string{j.GOARCH, runtime.GOARCH} {
		for _, triple := range machineOf(arch).triples {
			dir := filepath.Join("/usr/include", triple)
			if _, err := os.Stat(filepath.Join(dir, "asm", "types.h")); err == nil {
				return dir
			}
		}
	}
	return ""
}
