package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/purebpf/bpf/btf/cdump"
	"github.com/purebpf/bpf/internal/replace"
	"github.com/purebpf/bpf/kernel"
)

// vmlinuxForm changes when the text of vmlinux.h does.
const vmlinuxForm = "2"

// cachedVmlinux returns a folder of the cache with the running kernel's vmlinux.h, which it writes
// if it is not there.
func cachedVmlinux(cache string) (dir string, err error) {
	k := kernel.Running()
	spec, err := k.BTF()
	if err != nil {
		return "", fmt.Errorf("this machine has none: write it where the kernel has BTF, with "+
			"bpf vmlinux > vmlinux.h: %w", err)
	}
	sum := sha256.New()
	sum.Write([]byte(vmlinuxForm + "\x00" + k.Release() + "\x00"))
	if notes, err := os.ReadFile("/sys/kernel/notes"); err == nil { // the build id
		sum.Write(notes)
	} else {
		sum.Write(spec.Raw())
	}
	dir = filepath.Join(cache, "vmlinux", hex.EncodeToString(sum.Sum(nil)[:8]))
	path := filepath.Join(dir, "vmlinux.h")
	if _, err := os.Stat(path); err == nil {
		return dir, nil
	}
	var text bytes.Buffer
	if err := cdump.Header(&text, spec, nil); err != nil {
		return "", err
	}
	return dir, replace.Files(replace.File{Path: path, Data: text.Bytes()})
}
