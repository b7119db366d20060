package preflight

import (
	"slices"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// hooked are the types of programs that run where a lock may be held. The kernel refuses them maps
// with locks, timers, work queues, lists or trees in the values, even if the code that uses them is
// not reachable.
var hooked = [...]uapi.ProgType{uapi.ProgKprobe, uapi.ProgTracepoint, uapi.ProgPerfEvent,
	uapi.ProgRawTracepoint, uapi.ProgRawTracepointWritable}

// lockedTypes are the types that maps of these programs must not contain. For socket filters that
// holds for the first two.
var lockedTypes = [...]string{"bpf_spin_lock", "bpf_res_spin_lock", "bpf_timer", "bpf_wq",
	"bpf_list_head", "bpf_rb_root"}

// locks adds needs for programs that may use the maps that they refer to.
func (c *checker) locks() {
	c.eachProgram(func(p *plan.Program, _ []bool) {
		types := lockedTypes[:]
		switch {
		case p.Type == uapi.ProgSocketFilter:
			types = types[:2]
		case !slices.Contains(hooked[:], p.Type):
			return
		}
		for _, f := range p.Fixups {
			if f.Map == nil || f.Map.Spec == nil || f.Map.ValueType == 0 {
				continue
			}
			name := c.holds(f.Map.ValueType, types)
			if name == "" {
				continue
			}
			n := c.need(NeedMapType, f.Map.Spec.Name+" with a "+name+" in programs of type "+
				p.Type.String(), p.Spec.Name)
			n.Answer, n.Reason = c.upTo618("programs of this type cannot use it")
		}
	})
}

// holds returns the first of some types that a value has as a member or, for a data section, as a
// variable; "" if there is none.
func (c *checker) holds(id btf.ID, types []string) string {
	s := c.o.BTF
	t := s.Skip(id)
	for i := range t.Vlen() {
		var member btf.Type
		switch t.Kind() {
		case btf.KindStruct, btf.KindUnion:
			member = s.Skip(t.Member(i).Type)
		case btf.KindDatasec:
			v, _ := s.Type(t.SecVar(i).Type)
			member = s.Skip(v.Ref())
		}
		if member.Kind() == btf.KindStruct && slices.Contains(types, member.Name()) {
			return member.Name()
		}
	}
	return ""
}
