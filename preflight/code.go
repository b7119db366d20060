package preflight

import (
	"cmp"
	"slices"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// helperUse is a helper that programs of one type call. The attach type counts where helpers depend
// on it.
type helperUse struct {
	id    uint32
	typ   uapi.ProgType
	at    uapi.AttachType // 0 where it does not matter
	users []string
	live  bool // some call is reachable
}

// byAttach are the program types whose helpers depend on the attach type.
var byAttach = [...]uapi.ProgType{uapi.ProgCgroupSock, uapi.ProgCgroupSockAddr,
	uapi.ProgCgroupSockOpt, uapi.ProgCgroupSKB,
	uapi.ProgCgroupDevice, uapi.ProgCgroupSysctl}

// older are the helpers that the loader replaces on kernels that lack them (before 5.5).
var older = [...]struct{ id, by uint32 }{
	{112, 4}, {113, 4}, // probe_read_user, probe_read_kernel: probe_read
	{114, 45}, {115, 45}, // probe_read_user_str, probe_read_kernel_str: probe_read_str
}

// helpers adds needs for the helpers that instructions call. A helper is guarded if no call of it
// can be reached on this kernel.
func (c *checker) helpers() {
	type key struct {
		id  uint32
		typ uapi.ProgType
		at  uapi.AttachType
	}
	var uses []helperUse
	known := make(map[key]int)
	c.eachProgram(func(p *plan.Program, reached []bool) {
		var at uapi.AttachType
		if slices.Contains(byAttach[:], p.Type) {
			at = p.ExpectedAttachType
		}
		for _, s := range p.Subprogs {
			for i, insn := range s.Func.Insns {
				if !insn.IsHelperCall() || s.Start+i >= len(reached) {
					continue
				}
				id := uint32(insn.Imm)
				k, ok := known[key{id, p.Type, at}]
				if !ok {
					k = len(uses)
					known[key{id, p.Type, at}] = k
					uses = append(uses, helperUse{id: id, typ: p.Type, at: at})
				}
				u := &uses[k]
				u.live = u.live || reached[s.Start+i]
				if n := len(u.users); n == 0 || u.users[n-1] != p.Spec.Name {
					u.users = append(u.users, p.Spec.Name)
				}
			}
		}
	})
	slices.SortStableFunc(uses, func(a, b helperUse) int { return cmp.Compare(a.id, b.id) })
	for i := range uses {
		u := &uses[i]
		a, reason := c.k.helper(u.typ, u.at, u.id)
		name := helperName(u.id)
		first := i == 0 || uses[i-1].id != u.id
		for _, user := range u.users {
			c.need(NeedHelper, name, user)
		}
		n := c.need(NeedHelper, name, "")
		optional, guarded := false, a == facts.No && !u.live
		for _, o := range older {
			if o.id == u.id && a == facts.No {
				optional, reason = true, reason+"; "+helperName(o.by)+" is called instead"
			}
		}
		if first || worse(a, guarded || optional, n) {
			n.Answer, n.Reason, n.Guarded, n.Optional = a, reason, guarded, optional
		}
	}
}

// worse reports whether an answer outweighs the one that a need has already.
func worse(a facts.Answer, excused bool, n *Need) bool {
	weight := func(a facts.Answer, excused bool) int {
		switch {
		case a == facts.No && !excused:
			return 3
		case a == facts.Unknown:
			return 2
		case a == facts.No:
			return 1
		}
		return 0
	}
	return weight(a, excused) > weight(n.Answer, n.Guarded || n.Optional)
}

// poisons checks what a program refers to although it is missing: weak kfuncs and maps that are not
// created. That does no harm unless the code can be reached.
func (c *checker) poisons() {
	c.eachProgram(func(p *plan.Program, reached []bool) {
		for _, x := range p.Poisons {
			if x.Kind == plan.PoisonCORE || x.Insn >= len(reached) || !reached[x.Insn] {
				continue
			}
			for _, s := range p.Subprogs {
				for i := range s.Func.Relocs {
					rl := &s.Func.Relocs[i]
					switch {
					case s.Start+rl.Insn != x.Insn:
					case rl.Extern != nil:
						n := c.need(NeedKfunc, rl.Extern.Name, p.Spec.Name)
						n.Optional, n.Answer = false, facts.No
						n.Reason = "not in this kernel, and " + p.Spec.Name +
							" calls it without checking"
					case rl.Map != nil:
						n := c.need(NeedSetting, rl.Map.Name+" created", p.Spec.Name)
						n.Answer = facts.No
						n.Reason = "the map is not created, and " + p.Spec.Name + " uses it"
					}
				}
			}
		}
	})
}
