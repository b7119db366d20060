package preflight

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/maprules"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// flagsObject is an object with a program or a map for each flag.
const flagsObject = "testdata/flags.bpf.o"

// alone returns a copy of the object in which only one program, or one map and what belongs to it,
// would be loaded.
func alone(o *object.Object, name string) *object.Object {
	o = o.Clone()
	for _, p := range o.Programs {
		p.Autoload = p.Name == name
	}
	for _, m := range o.Maps {
		m.Autocreate = m.Name == name
	}
	return o
}

// each calls do for every program and map of flags.bpf.c, and for variants that C cannot declare.
func each(t *testing.T, do func(name string, o *object.Object)) {
	o := readObject(t, flagsObject)
	n := 0
	for _, p := range o.Programs {
		if p.Def != nil && p.Def.Pattern != "struct_ops+" {
			do(p.Name, alone(o, p.Name))
			n++
		}
	}
	for _, m := range o.Maps {
		do(m.Name, alone(o, m.Name))
		n++
	}
	if n < 30 {
		t.Fatalf("%d programs and maps", n)
	}
	variant := func(name, of string, change func(*object.Object)) {
		v := alone(o, of)
		change(v)
		do(name, v)
	}
	variant("exclusive map", "mmapable", func(o *object.Object) {
		o.Map("mmapable").ExclusiveTo = o.Program("xdp")
		o.Program("xdp").Autoload = true
	})
	for bit := range 12 {
		variant("program flag "+string(rune('a'+bit)), "xdp", func(o *object.Object) {
			o.Program("xdp").Flags = 1 << bit
		})
	}
	variant("bound to lo", "xdp", func(o *object.Object) {
		o.Program("xdp").IfIndex, o.Program("xdp").Flags = 1, 1<<6
	})
	variant("offloaded to lo", "xdp", func(o *object.Object) { o.Program("xdp").IfIndex = 1 })
	variant("offloaded map", "mmapable", func(o *object.Object) { o.Map("mmapable").IfIndex = 1 })
	variant("node 1000", "mmapable", func(o *object.Object) {
		o.Map("mmapable").Flags |= 1 << 2
		o.Map("mmapable").NumaNode = 1000
	})
	variant("no node", "mmapable", func(o *object.Object) {
		o.Map("mmapable").Flags |= 1 << 2
		o.Map("mmapable").NumaNode = maprules.AnyNode
	})
	variant("no node for each CPU", "mmapable", func(o *object.Object) {
		m := o.Map("mmapable")
		m.Type, m.Flags, m.NumaNode = uapi.MapPerCPUArray, 1<<2, maprules.AnyNode
	})
}

// TestFlags predicts for each flag, field and kind of SEC() whether it loads. The oracle is the
// running kernel, which is asked to load it. For the running kernel, which can be tried, the answer
// must equal its own. For the same kernel recorded with only its version, configuration and BTF,
// the answer must not contradict it, except where this machine forbids it (EPERM).
func TestFlags(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	k := kernel.Running()
	spec, err := k.BTF()
	if err != nil {
		t.Fatal(err)
	}
	bare := facts.Recording{BTF: spec.Raw()}
	full := bare
	full.Version = k.Version()
	if full.Kconfig, err = k.Kconfig(); err != nil {
		t.Log(err)
	}
	recorded := map[string]facts.Kernel{"recorded": facts.NewRecorded(full),
		"BTF only": facts.NewRecorded(bare)}
	each(t, func(name string, o *object.Object) {
		t.Run(name, func(t *testing.T) {
			loaded, err := bpf.Load(o, nil)
			if err == nil {
				loaded.Close()
			}
			if r := Check(o, k, nil); (r.Loads == facts.Yes) != (err == nil) {
				t.Errorf("predicted %s %q, the kernel says %v", r.Loads, r.Reasons, err)
			}
			if r := Check(o, k, nil); name == "node 1000" &&
				!strings.Contains(strings.Join(r.Reasons, "\n"), "numa_node 1000") {
				t.Errorf("the flag is blamed, not the node: %q", r.Reasons)
			}
			t.Logf("the kernel says %v", err)
			for how, k := range recorded {
				r := Check(o, k, nil)
				if r.Loads == facts.Yes && err != nil && !errors.Is(err, syscall.EPERM) ||
					r.Loads == facts.No && err == nil {
					t.Errorf("%s: predicted %s %q, the kernel says %v", how, r.Loads, r.Reasons,
						err)
				}
				t.Logf("%s: predicted %s %q", how, r.Loads, r.Reasons)
			}
		})
	})
}
