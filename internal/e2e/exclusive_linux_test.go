package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestExclusive gives a map to one program. The oracle is the kernel (6.18), which computes the
// hash itself: the owner loads and runs, and any other program that refers to the map is refused.
func TestExclusive(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.18")
	o := open(t, "exclusive")
	o.Map("secret").ExclusiveTo = o.Program("owner")
	c := o.Clone() // keeps the relation to its own program
	if c.Map("secret").ExclusiveTo != c.Program("owner") {
		t.Error("the copy's map is exclusive to the original's program")
	}
	_, err := bpf.Load(o, nil)
	if ve := new(bpf.VerifierError); !errors.As(err, &ve) || ve.Program != "intruder" ||
		!errors.Is(err, bpf.ErrPermission) {
		t.Errorf("loading another program that uses the map: %v", err)
	}
	obj := load(t, only(c, "owner"), nil)
	for i := range uint32(3) {
		if r, err := obj.Program("owner").Run(&bpf.RunOptions{Data: make([]byte,
			64)}); err != nil ||
			r.Return != 2+i {
			t.Errorf("run %d returns %d, %v", i, r.Return, err)
		}
	}
	changed := false
	_, err = bpf.Load(only(o.Clone(), "owner"),
		&bpf.LoadOptions{Handlers: map[string]bpf.Handler{"socket": {Prepare: func(load *bpf.ProgramLoad) error {
			for i, in := range load.Insns {
				if in.Imm == 1 && !in.IsLdImm64() && !in.IsHelperCall() {
					load.Insns[i].Imm, changed = 2, true // one constant differs
					break
				}
			}
			return nil
		}}}})
	if !changed || !errors.Is(err, syscall.EACCES) {
		t.Errorf("loading the owner with a changed instruction (%v): %v", changed, err)
	}
	if _, err := bpf.Load(only(o, "intruder"), nil); err == nil {
		t.Error("a map exclusive to a program that is not loaded was created")
	}
}
