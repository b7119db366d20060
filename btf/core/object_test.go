package core

import (
	"os"
	"testing"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
)

// testObject holds the parts of a compiled object that CO-RE needs.
type testObject struct {
	btf   *btf.Spec
	ext   *btf.Ext // nil if the object has none
	insns map[string][]asm.Instruction
}

func readObject(t testing.TB, path string) *testObject {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o, err := parseObject(raw)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return o
}

func parseObject(raw []byte) (*testObject, error) {
	f, err := elf64.Parse(raw)
	if err != nil {
		return nil, err
	}
	o := &testObject{insns: map[string][]asm.Instruction{}}
	section := func(name string) ([]byte, error) {
		s := f.SectionByName(name)
		if s == nil {
			return nil, nil
		}
		return f.Data(s)
	}
	data, err := section(".BTF")
	if err != nil || data == nil {
		return o, err
	}
	if o.btf, err = btf.Parse(data, nil); err != nil {
		return nil, err
	}
	if data, err = section(".BTF.ext"); err != nil || data == nil {
		return o, err
	}
	if o.ext, err = btf.ParseExt(data, o.btf); err != nil {
		return nil, err
	}
	for _, sec := range o.ext.Core {
		code, err := section(sec.Name)
		if err != nil {
			return nil, err
		}
		if o.insns[sec.Name], err = asm.Decode(code, o.btf.Order()); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// testRelo is a relocation with its place.
type testRelo struct {
	Relo
	section string
	index   int // within the section's records
	insn    int // within the section
}

func (o *testObject) relos(t testing.TB) []testRelo {
	t.Helper()
	if o.ext == nil {
		return nil
	}
	var all []testRelo
	for _, sec := range o.ext.Core {
		for i := range sec.Count {
			r := sec.CoreRelo(i)
			access, ok := o.btf.Name(r.AccessOff)
			if !ok {
				t.Fatalf("section %s, relocation %d: access string is out of range", sec.Name, i)
			}
			all = append(all, testRelo{Relo{Kind(r.Kind), r.Type, access}, sec.Name, i,
				int(r.InsnOff / 8)})
		}
	}
	return all
}

func plainRelos(relos []testRelo) []Relo {
	list := make([]Relo, len(relos))
	for i, r := range relos {
		list[i] = r.Relo
	}
	return list
}
