package e2e

import (
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestVariableStatic: in an object that was linked of two, a name is first a static variable of one
// file and then a global one of the other. The oracle is C's rule: the name means the global one.
func TestVariableStatic(t *testing.T) {
	testkit.Root(t)
	app := testkit.Compile(t, `
static int counter __attribute__((section(".data"))) = 5;
__attribute__((section("socket"), used)) int app(void *ctx)
{
	__sync_fetch_and_add(&counter, 1);
	return 0;
}
`)
	lib := testkit.Compile(t, `
int counter __attribute__((section(".bss")));
__attribute__((section("socket"), used)) int lib(void *ctx)
{
	__sync_fetch_and_add(&counter, 1);
	return 0;
}
`)
	linked := filepath.Join(t.TempDir(), "linked.bpf.o")
	testkit.Run(t, "bpftool", "gen", "object", linked, app, lib)
	o, err := bpf.Open(linked, nil)
	if err != nil {
		t.Fatal(err)
	}
	if v := o.Variable("counter"); v.Static || o.Map(".bss").Variable("counter") != v {
		t.Errorf("before the load: %+v", v)
	}
	if v := o.Map(".data").Variable("counter"); v == nil || !v.Static {
		t.Errorf("in its section: %+v", v)
	}
	obj := load(t, o, nil)
	if v := obj.Variable("counter"); v.Map() != obj.Map(".bss") {
		t.Errorf("loaded: in %s", v.Map().Name())
	}
}
