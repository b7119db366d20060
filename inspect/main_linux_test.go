package inspect_test

import (
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// load loads the named programs of an object of the module's testdata until the test ends.
func load(t testing.TB, file string, names ...string) *bpf.Object {
	t.Helper()
	testkit.Root(t)
	o, err := bpf.Open("../testdata/"+file+".bpf.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range o.Programs {
		p.Autoload = false
	}
	for _, name := range names {
		o.Program(name).Autoload = true
	}
	obj, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { obj.Close() })
	return obj
}

func programID(t testing.TB, p *bpf.Program) uint32 {
	t.Helper()
	info, err := p.Info()
	if err != nil {
		t.Fatal(err)
	}
	return info.ID
}
