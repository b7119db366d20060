package plan_test

import (
	"os"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/hostile"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
)

// FuzzResolve resolves every input that is an object, against a kernel that has everything and one
// that has nothing, and lists the plan. The result must be a plan or an error, without panic or
// hang and within 16 times the input plus 1 MiB of memory. Seeds are our own objects.
func FuzzResolve(f *testing.F) {
	for _, path := range own(f) {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(raw) < 16<<10 {
			f.Add(raw)
		}
	}
	base := kernelTypes(f)
	kernels := []*fake{
		{btf: base, version: 1, kconfig: "CONFIG_HZ=250\nCONFIG_BPF_SYSCALL=y\n",
			ksyms: map[string]uint64{"bpf_prog_put": 1}},
		{btf: base, version: 1, kconfig: "CONFIG_HZ=250\nCONFIG_BPF_SYSCALL=y\n",
			ksyms: map[string]uint64{}},
	}
	for x := range facts.NumFeatures {
		if x != facts.BTFLoad && x != facts.BTFFunc {
			kernels[1].lacks = append(kernels[1].lacks, x)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := object.Parse(raw, "fuzz.o")
		if err != nil {
			return
		}
		for _, e := range o.Externs {
			e.Weak = true
		}
		for _, k := range kernels {
			var p *plan.Plan
			if n := hostile.Allocated(func() {
				p,
					err = plan.Resolve(o, k, &plan.Options{Foreign: true})
			}); n > hostile.Limit(len(raw)) {
				t.Errorf("resolving %d bytes allocates %d", len(raw), n)
			}
			if err != nil {
				if err.Error() == "" {
					t.Error("an error without words")
				}
				continue
			}
			if n := hostile.Allocated(func() { p.View() }); n > hostile.Limit(len(raw)) {
				t.Errorf("describing %d bytes allocates %d", len(raw), n)
			}
			for _, x := range p.Programs {
				for _, fix := range x.Fixups {
					if fix.Insn < 0 || fix.Insn+1 >= len(x.Insns) {
						t.Fatalf("program %s: fix-up at %d of %d", x.Spec.Name, fix.Insn,
							len(x.Insns))
					}
				}
				if len(x.Subprogs) == 0 || x.Subprogs[0].Start != 0 {
					t.Fatalf("program %s: functions %v", x.Spec.Name, x.Subprogs)
				}
			}
			for i, m := range p.Maps {
				if i < len(o.Maps) && m.Spec != o.Maps[i] {
					t.Fatalf("map %d is %v", i, m.Spec)
				}
			}
		}
	})
}
