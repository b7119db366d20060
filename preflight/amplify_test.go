package preflight_test

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/hostile"
	"github.com/purebpf/bpf/internal/objdump"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/preflight"
)

// TestAmplifiersEverywhere resolves, lists, checks and disassembles files in which a few bytes
// request a lot. The oracle is the Go runtime's count of allocated bytes: no step takes more than
// 16 times the file and 1 MiB. A check resolves, analyses and reports in turn, and a print
// describes before it writes: in total they may allocate twice what they hold.
func TestAmplifiersEverywhere(t *testing.T) {
	for _, a := range slices.Concat(hostile.Amplifiers, hostile.Loads) {
		raw := a.Make(4000).Bytes()
		limit := hostile.Limit(len(raw))
		o, err := object.Parse(raw, "hostile")
		if err != nil {
			t.Logf("%-55s refused: %.100s", a.Name, err)
		}
		within := func(step string, f func()) {
			most := limit
			if strings.HasSuffix(step, "check") || strings.HasSuffix(step, "print") {
				most *= 2
			}
			if n := hostile.Allocated(f); n > most {
				t.Errorf("%s: %s: %d bytes allocated for %d bytes of input (%.1f of the limit)",
					a.Name, step, n, len(raw), float64(n)/float64(limit))
			}
		}
		within("disassemble", func() {
			objdump.Write(io.Discard, "hostile", raw, &objdump.Options{Source: true})
		})
		if err != nil {
			continue
		}
		within("clone", func() { o.Clone() })
		kernels := map[string]facts.Recording{"empty": {},
			"able": {Version: 0x060c00, CPUs: 1,
				Kconfig: []byte("CONFIG_A=\"a\"\nCONFIG_B=\"b\"\n")}}
		for name, r := range kernels {
			if o.BTF != nil {
				r.BTF = o.BTF.Raw()
			}
			if name == "able" {
				for f := range r.Features {
					r.Features[f] = facts.Yes
				}
			}
			k := facts.NewRecorded(r)
			k.BTF()
			var p *plan.Plan
			within(name+" resolve", func() {
				p, err = plan.Resolve(o, k, &plan.Options{KeepGoing: true, Foreign: true})
			})
			if err == nil {
				within(name+" view", func() { p.View() })
				within(name+" print", func() { p.WriteTo(io.Discard) })
			} else {
				t.Logf("%-55s %s: %.150s", a.Name, name, err)
			}
			within(name+" check", func() { preflight.Check(o, k, nil) })
		}
	}
}
