package core

import (
	"os"
	"testing"
	"time"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
)

// sectionData returns a section's bytes of a committed object.
func sectionData(t testing.TB, path, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf64.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	data, err := f.Data(f.SectionByName(name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// FuzzResolve resolves one relocation of every kind with hostile BTF on both sides. It must not
// panic or hang.
func FuzzResolve(f *testing.F) {
	program := readObject(f, "testdata/two_program.bpf.o")
	local := sectionData(f, "testdata/two_program.bpf.o", ".BTF")
	target := sectionData(f, "testdata/two_kernel.bpf.o", ".BTF")
	for _, r := range program.relos(f) {
		f.Add(local, target, uint32(r.Type), r.Access)
	}
	shapes := []asm.Instruction{asm.Mov64Imm(0, 8), asm.LdxMem(asm.W, 0, 1, 8),
		{Op: asm.OpLdImm64, Imm: 8}, {}, {Op: asm.OpExit}}
	f.Fuzz(func(t *testing.T, local, target []byte, id uint32, access string) {
		ls, err := btf.Parse(local, nil)
		if err != nil {
			return
		}
		ts, err := btf.Parse(target, nil)
		if err != nil {
			return
		}
		start := time.Now()
		x := NewTarget(ts, nil).NewResolver(ls)
		for k := range kindCount + 1 {
			r := Relo{k, btf.ID(id), access}
			Describe(ls, r)
			if k.class() == classType {
				r.Access = "0"
			}
			res, err := x.Resolve(r)
			if err != nil {
				continue
			}
			for i := range shapes {
				insns := append([]asm.Instruction(nil), shapes...)
				if err := res.Patch(insns, i); err != nil {
					_ = err.Error()
				}
			}
		}
		for other := range ts.Len() {
			if other < 64 {
				_, _ = Compatible(ls, btf.ID(id), ts, other)
			}
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("took %v", d)
		}
	})
}
