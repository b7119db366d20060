package preflight

import (
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestMultiTargets checks the functions that fentry.multi programs name. The oracle is the BTF of
// Debian's 6.1 kernel and of its module veth, as bpftool lists it: vfs_read is a function of the
// kernel, veth_xmit of the module. (bpf_check_attach_target of the kernel refuses functions with a
// variable number of arguments.)
func TestMultiTargets(t *testing.T) {
	d := testkit.Debian(t, "linux-image-cloud-amd64")
	veth, ok := d.ModuleBTF(t, "veth")
	if !ok {
		t.Fatal("no module veth")
	}
	k := facts.NewRecorded(facts.Recording{
		Version: d.Version, BTF: d.BTF, Kconfig: d.Kconfig, Features: facts.Upstream(d.Version),
		Modules: []facts.ModuleRecording{{Name: "veth", BTF: veth}},
	})
	for _, test := range []struct {
		target string
		answer facts.Answer
		attach bool // affects attaching only
	}{
		{"vfs_*", facts.Yes, true},
		{"vmlinux:vfs_*", facts.Yes, true},
		{"veth:veth_*", facts.Yes, true},
		{"veth:vfs_*", facts.No, true},
		{"veth_xmit", facts.No, true},
		{"_printk", facts.No, true}, // has a variable number of arguments
		{"nosuchmod:vfs_*", facts.No, false},
	} {
		o := alone(readObject(t, flagsObject), "fentry_multi")
		p := o.Program("fentry_multi")
		p.Sec = "fentry.multi/" + test.target
		p.AttachTarget = test.target
		r := Check(o, k, nil)
		found := false
		for _, n := range r.Needs {
			if n.Kind != NeedTarget {
				continue
			}
			found = true
			if n.Name != p.Sec || n.Answer != test.answer || n.Attach != test.attach ||
				n.Reason == "" {
				t.Errorf("%s: %+v", test.target, n)
			}
		}
		if !found {
			t.Errorf("%s: no attach target", test.target)
		}
	}
}
