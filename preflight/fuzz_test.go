package preflight

import (
	"encoding/binary"
	"os"
	"testing"
	"time"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/hostile"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
)

// guards is an object with programs that use things that no kernel has.
const guards = "testdata/guards.bpf.o"

// FuzzReachable analyses code that no compiler made. It must not panic or hang.
func FuzzReachable(f *testing.F) {
	raw, err := os.ReadFile(guards)
	if err != nil {
		f.Fatal(err)
	}
	o, err := object.Parse(raw, "guards")
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range o.Programs {
		f.Add(asm.Raw(p.Insns), uint16(len(p.Insns)/2), true)
	}
	f.Fuzz(func(t *testing.T, code []byte, second uint16, lazy bool) {
		insns, err := asm.Decode(code[:len(code)/8*8], binary.LittleEndian)
		if err != nil || len(insns) == 0 {
			return
		}
		p := &plan.Program{Insns: insns, Subprogs: []plan.Subprog{{Func: &object.Function{}}}}
		if int(second) > 0 && int(second) < len(insns) {
			p.Subprogs = append(p.Subprogs, plan.Subprog{Func: &object.Function{Global: lazy},
				Start: int(second)})
		}
		start, room := time.Now(), 1<<30
		reached := reachable(p, binary.LittleEndian, lazy,
			&vagueness{image: func(*plan.Map, uint64, uint64) bool { return false }}, &room)
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("%d instructions took %v", len(insns), d)
		}
		if len(reached) != len(insns) || !reached[0] {
			t.Error("the first instruction is not reached")
		}
	})
}

// FuzzCheck checks mutated objects against a kernel without any facts, and against one whose BTF is
// the object's own. It must not panic or hang.
func FuzzCheck(f *testing.F) {
	raw, err := os.ReadFile(guards)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := object.Parse(raw, "fuzz")
		if err != nil {
			return
		}
		start := time.Now()
		check := func(r facts.Recording, opts *Options) {
			if n := hostile.Allocated(func() {
				Check(o, facts.NewRecorded(r),
					opts)
			}); n > 2*hostile.Limit(len(raw)) {
				t.Errorf("checking %d bytes allocates %d", len(raw), n)
			}
		}
		check(facts.Recording{}, nil)
		if o.BTF != nil {
			check(facts.Recording{BTF: o.BTF.Raw()}, &Options{CustomBTF: o.BTF})
		}
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("took %v", d)
		}
	})
}
