package plan_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/plan"
)

// The listing and the JSON show what the plan holds. Oracle: the plan's own fields, and names from
// the objects' sources.
func TestPrint(t *testing.T) {
	for _, name := range []string{"../object/testdata/maps.o", "../object/testdata/subprogs.o",
		"types.o", "kconfig.o", "probes.o", "ops.o", "../object/testdata/jumptable.o"} {
		o := open(t, name)
		if p := o.Program("jump_too"); p != nil {
			p.Autoload = false
		}
		if m := o.Map("weak_map"); m != nil {
			m.Autocreate = false
		}
		for _, m := range o.Maps {
			m.Autocreate = m.Autocreate && m.StructOps == nil
		}
		k := &fake{btf: targets(t, nil, "vfs_read"), version: 1,
			kconfig: "CONFIG_HZ=250\nCONFIG_BPF_SYSCALL=y\n",
			lacks:   []facts.Feature{facts.BTFFloat}}
		p := resolve(t, o, k, nil)
		var b strings.Builder
		if n, err := p.WriteTo(&b); err != nil || n != int64(b.Len()) {
			t.Fatalf("%d bytes, %v", n, err)
		}
		text := b.String()
		lines := strings.Split(text, "\n")
		// line finds a line that contains all words.
		line := func(words ...string) bool {
			for _, l := range lines {
				all := true
				for _, w := range words {
					all = all && strings.Contains(l, w)
				}
				if all {
					return true
				}
			}
			return false
		}
		check := func(ok bool, what string) {
			if !ok {
				t.Errorf("%s: the listing does not mention %s:\n%s", name, what, text)
			}
		}
		for _, m := range p.Maps {
			label := ".jumptables"
			if m.Spec != nil {
				label = m.Spec.Name
			}
			if m.Skip {
				check(line(label, "NOT CREATED"), label)
			} else {
				check(line(label, m.Type.String(), "key "+strconv.Itoa(int(m.KeySize)),
					"max_entries "+strconv.Itoa(int(m.MaxEntries))), label)
			}
			for _, s := range m.Slots {
				if s.Program != nil {
					check(line(label, strconv.Itoa(int(s.Key))+" = program "+s.Program.Spec.Name),
						"slots of "+label)
				}
			}
		}
		for _, x := range p.Programs {
			check(line(x.Spec.Name, x.Type.String(), strconv.Itoa(len(x.Insns))+" instruction",
				x.Spec.Sec), x.Spec.Name)
			for _, s := range x.Subprogs[1:] {
				check(line("subprogram", s.Func.Name, " at "+strconv.Itoa(s.Start)), s.Func.Name)
			}
			for _, s := range x.Poisons {
				check(line("POISONED", strconv.Itoa(s.Insn), s.Text), s.Text)
			}
			if x.Err != nil {
				check(line("CANNOT LOAD", x.Err.Error()), x.Err.Error())
			}
		}
		for _, e := range p.Events {
			check(line(e.Kind.String(), e.Subject, e.Text), e.Text)
		}
		for _, e := range p.Externs {
			check(line(e.Spec.Name, "kconfig"), e.Spec.Name)
		}
		raw, err := json.Marshal(p.View())
		if err != nil {
			t.Fatal(err)
		}
		var back plan.View
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		if len(back.Maps) != len(p.Maps) || len(back.Programs) != len(p.Programs) ||
			len(back.Events) != len(p.Events) || back.Object != o.Name {
			t.Errorf("%s: JSON has %d maps, %d programs, %d events", name, len(back.Maps),
				len(back.Programs), len(back.Events))
		}
		for i, x := range back.Programs {
			if x.Insns != len(p.Programs[i].Insns) || x.Name != p.Programs[i].Spec.Name {
				t.Errorf("%s: JSON says %+v", name, x)
			}
		}
		if back.BTF == nil || back.BTF.Bytes != len(p.BTF) {
			t.Errorf("%s: JSON says of BTF %+v", name, back.BTF)
		}
		if changed := strings.HasSuffix(name, "types.o"); changed != (back.BTF != nil &&
			back.BTF.Changed && line("BTF:", "changed")) && !strings.HasSuffix(name, "subprogs.o") {
			t.Errorf("%s: BTF changed %+v", name, back.BTF)
		}
	}
}
