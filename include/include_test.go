package include_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/purebpf/bpf/include"
)

// Oracle: the names of the headers for BPF programs that libbpf installs, and the licenses that
// libbpf's and the kernel's own headers have.
func TestFiles(t *testing.T) {
	for _, name := range []string{"bpf/bpf_helpers.h", "bpf/bpf_helper_defs.h",
		"bpf/bpf_core_read.h",
		"bpf/bpf_tracing.h", "bpf/bpf_endian.h", "bpf/usdt.bpf.h"} {
		if _, err := fs.Stat(include.Files, name); err != nil {
			t.Error(err)
		}
	}
	err := fs.WalkDir(include.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := include.Files.ReadFile(name)
		license := "BSD-2-Clause OR LGPL-2.1"
		if strings.HasPrefix(name, "uapi/") {
			license = "GPL-2.0 WITH Linux-syscall-note"
		}
		lines := strings.SplitN(string(text), "\n", 3)
		if lines[0] != "/* SPDX-License-Identifier: "+license+" */" ||
			!strings.Contains(lines[1], include.Mark) {
			t.Errorf("%s starts with\n%s\n%s", name, lines[0], lines[1])
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
