package bpf

import (
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// open reads an object of testdata.
func open(t testing.TB, name string) *object.Object {
	t.Helper()
	o, err := Open("testdata/" + name + ".bpf.o")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// load loads o and closes it when the test ends.
func load(t testing.TB, o *object.Object, opts *LoadOptions) *Object {
	t.Helper()
	testkit.Root(t)
	obj, err := Load(o, opts)
	if err != nil {
		if strings.Contains(err.Error(), "kernel BTF is needed") {
			testkit.VmlinuxBTF(t)
		}
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { obj.Close() })
	return obj
}

// only switches off every program but those named.
func only(o *object.Object, names ...string) *object.Object {
	for _, p := range o.Programs {
		p.Autoload = false
		for _, name := range names {
			p.Autoload = p.Autoload || p.Name == name
		}
	}
	return o
}
