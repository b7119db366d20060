package e2e

import (
	"github.com/purebpf/bpf"

	"debug/elf"
	"encoding/binary"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestCustomBTF loads a program against the types of a "kernel" that was compiled separately, and
// runs it on that kernel's data. The oracle is clang, which laid out the data, so that the expected
// values are known.
func TestCustomBTF(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "5.14") // programs of type syscall
	testkit.LittleEndian(t)
	f, err := elf.Open("../../btf/core/testdata/two_kernel.bpf.o")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raw, err := f.Section(".BTF").Data()
	if err != nil {
		t.Fatal(err)
	}
	types, err := btf.Parse(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	data := map[string][]byte{}
	for _, s := range symbols {
		if s.Name == "image" || s.Name == "expected" {
			section, err := f.Sections[s.Section].Data()
			if err != nil {
				t.Fatal(err)
			}
			data[s.Name] = section[s.Value : s.Value+s.Size]
		}
	}
	results, ok := types.FindByName("result", btf.KindEnum)
	if !ok {
		t.Fatal("no enum result")
	}
	names, _ := types.Type(results)

	o, err := bpf.Open("../../btf/core/testdata/two_program.bpf.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	obj := load(t, o, &bpf.LoadOptions{CustomBTF: types})
	context := make([]byte, 4096)
	copy(context, data["image"])
	if _, err := obj.Program("two").Run(&bpf.RunOptions{Context: context}); err != nil {
		t.Fatal(err)
	}
	const behindImage = 512
	want := data["expected"]
	if len(want) < 8*40 {
		t.Fatalf("%d bytes of expected values", len(want))
	}
	for i := range len(want) / 8 {
		got, want := binary.NativeEndian.Uint64(context[behindImage+8*i:]),
			binary.NativeEndian.Uint64(want[8*i:])
		if got != want {
			t.Errorf("%s: the program read %#x, want %#x", names.Enumerator(i).Name, got, want)
		}
	}
	if _, err := bpf.Load(o, nil); err == nil {
		t.Error("the running kernel has these types too: the test tests nothing")
	}
}
