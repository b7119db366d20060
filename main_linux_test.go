package bpf

import (
	"slices"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// loadFile loads the named programs of an object of testdata, or all, until the test ends.
func loadFile(t testing.TB, file string, opts *LoadOptions, names ...string) *Object {
	t.Helper()
	testkit.Root(t)
	o, err := Open("testdata/"+file+".bpf.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range o.Programs {
		p.Autoload = len(names) == 0 || slices.Contains(names, p.Name)
	}
	obj, err := Load(o, opts)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { obj.Close() })
	return obj
}
