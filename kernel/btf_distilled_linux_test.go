package kernel

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
)

// The oracle is bpftool 7.5, of a module with .BTF.base, alone and over its kernel.
func TestReadSpecDistilled(t *testing.T) {
	d := testkit.Debian(t, "linux-image-cloud-amd64")
	bpftool, objcopy := testkit.Bpftool75(t), testkit.Tool(t, "llvm-objcopy-19")
	vmlinux, err := btf.Parse(d.BTF, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := d.ModuleBTF(t, "nf_tables")
	module, err := btf.Parse(raw, vmlinux)
	if err != nil {
		t.Fatal(err)
	}
	base, split, err := module.Distill()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := filepath.Join(dir, "nf_tables.ko")
	testkit.Run(t, objcopy, "--remove-section=.BTF.ext",
		"--update-section=.BTF="+write("split", split.Raw()),
		"--add-section=.BTF.base="+write("base", base.Raw()),
		testkit.CorpusObject(t, "tools/opensnoop.bpf.o"), file)
	for _, c := range []struct {
		base *btf.Spec
		args []string
	}{
		{nil, nil},
		{vmlinux, []string{"-B", write("vmlinux", d.BTF)}},
	} {
		s, err := ReadSpec(file, c.base)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for typ := range s.Types() {
			got = typ.AppendRaw(got)
		}
		want := testkit.Run(t, bpftool, append(c.args, "btf", "dump", "file", file)...)
		if i := bytes.Index(want, got[:bytes.IndexByte(got, '\n')+1]); i < 0 ||
			!bytes.Equal(want[i:], got) {
			t.Errorf("base %v: %d bytes of text differ from bpftool's %d", c.base != nil, len(got),
				len(want))
		}
		if s.PointerSize() != 8 {
			t.Errorf("pointers have %d bytes", s.PointerSize())
		}
	}
}
