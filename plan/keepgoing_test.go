package plan_test

import (
	"strings"
	"testing"

	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
)

// With KeepGoing everything that is missing is reported at once. Oracle: the sources of the
// objects, and kernels that have none of it.
func TestKeepGoing(t *testing.T) {
	keep := &plan.Options{KeepGoing: true}
	for _, row := range []struct {
		object string
		k      *fake
		wrong  []string
	}{
		{"../object/testdata/externs.o", &fake{}, []string{"kernel BTF", "LINUX_KERNEL_VERSION",
			"configuration", "symbols", "CONFIG_BPF_SYSCALL",
			"CONFIG_HZ", "bpf_prog_active", "bpf_prog_put", "bpf_task_acquire",
			"bpf_task_release"}},
		{"ops.o", &fake{btf: targets(t, nil, "x"), version: 1},
			[]string{"map first", "map second", "map third"}},
		{"../btf/core/testdata/two_program.bpf.o", &fake{version: 1}, []string{"kernel BTF"}},
		{"../object/testdata/plain.o", &fake{version: 1}, nil},
	} {
		o := open(t, row.object)
		if _, err := plan.Resolve(o, row.k, nil); (err == nil) != (row.wrong == nil) {
			t.Errorf("%s without KeepGoing: %v", row.object, err)
		}
		p := resolve(t, o, row.k, keep)
		all := ""
		for _, err := range p.Errors {
			all += err.Error() + "\n"
		}
		for _, w := range row.wrong {
			if !strings.Contains(all, w) {
				t.Errorf("%s: no error mentions %s:\n%s", row.object, w, all)
			}
		}
		if row.wrong == nil && len(p.Errors) > 0 {
			t.Errorf("%s: %v", row.object, p.Errors)
		}
		var b strings.Builder
		p.WriteTo(&b)
		if row.wrong != nil && !strings.Contains(b.String(), "CANNOT BE LOADED") {
			t.Errorf("%s: the listing looks loadable:\n%s", row.object, b.String())
		}
	}
}

// Object.Maps and Object.Externs may be rearranged: relations are pointers, and positions are only
// a hint. References to a removed map are poisoned. Oracle: the relocations of the object.
func TestRearranged(t *testing.T) {
	o := open(t, "../object/testdata/maps.o")
	hash, last := o.Maps[0], o.Maps[len(o.Maps)-1]
	o.Maps[0], o.Maps[len(o.Maps)-1] = last, hash
	weak := o.Map("weak_map")
	for i, m := range o.Maps {
		if m == weak {
			o.Maps = append(o.Maps[:i:i], o.Maps[i+1:]...)
			break
		}
	}
	p := resolve(t, o, &fake{version: 1}, nil)
	prog := planned(t, p, "main_prog")
	wants := map[int]*object.Map{}
	for _, rl := range prog.Spec.Relocs {
		if rl.Kind == object.RelocMap {
			wants[rl.Insn] = rl.Map
		}
	}
	for _, f := range prog.Fixups {
		if f.Map.Spec != wants[f.Insn] {
			t.Errorf("instruction %d refers to %s instead of %s", f.Insn, f.Map.Spec.Name,
				wants[f.Insn].Name)
		}
		delete(wants, f.Insn)
	}
	if len(wants) != 1 || len(prog.Poisons) != 1 || !strings.Contains(prog.Poisons[0].Text,
		"weak_map") {
		t.Errorf("left over %v, poisons %v", wants, prog.Poisons)
	}
}
