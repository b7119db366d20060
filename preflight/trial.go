package preflight

import (
	"slices"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// Trier is a kernel that can be shown programs and maps of given types, flags and targets: the running one. Its answers win over
// what its BTF and version tell. kernel.Facts is a Trier.
type Trier interface {
	TryProgram(facts.ProgramTrial) (ok bool, says string, err error)
	TryMap(facts.MapTrial) (ok bool, says string, err error)
}

// trials shows the kernel each sort of program and map that the object has, without their code and entries. What it refuses is put
// down to the property without which it does not.
func (c *checker) trials() {
	if c.k.trier == nil {
		return
	}
	c.eachProgram(func(p *plan.Program, _ []bool) {
		if p.Err == nil && p.Type != uapi.ProgExt && p.AttachProgFD == 0 {
			c.tryProgram(p)
		}
	})
	for _, m := range c.o.Maps {
		if m.Autocreate {
			for ; m != nil; m = m.Inner {
				c.tryMap(m)
			}
		}
	}
}

type tried struct {
	ok   bool
	says string
	err  error
}

func (c *checker) program(t facts.ProgramTrial) tried {
	r, ok := c.triedPrograms[t]
	if !ok {
		r.ok, r.says, r.err = c.k.trier.TryProgram(t)
		c.triedPrograms[t] = r
	}
	return r
}

func (c *checker) tryProgram(p *plan.Program) {
	t := facts.ProgramTrial{
		Type: p.Type, Attach: p.ExpectedAttachType, Flags: p.Flags, License: p.License, IfIndex: p.IfIndex,
		AttachBTFID: p.AttachBTFID, Module: p.AttachModule,
	}
	r := c.program(t)
	if r.err != nil {
		return
	}
	user := p.Spec.Name
	if r.ok {
		for i := range c.r.Needs {
			if n := &c.r.Needs[i]; n.Kind == NeedFlag && n.Answer != facts.Yes && slices.Contains(n.Users, user) {
				n.Answer, n.Reason = facts.Yes, "tried"
			}
		}
		return
	}
	no := func(kind NeedKind, name string) {
		n := c.need(kind, name, user)
		n.Answer, n.Optional, n.Attach, n.Reason = facts.No, false, false, "the kernel says: "+r.says
	}
	bare := t
	bare.Flags, bare.IfIndex = 0, 0
	if t != bare && c.program(bare).ok {
		for i := range c.r.Needs {
			if n := &c.r.Needs[i]; n.Kind == NeedFlag && slices.Contains(n.Users, user) {
				no(NeedFlag, n.Name)
			}
		}
		return
	}
	switch {
	case p.AttachBTFID != 0 && p.Type != uapi.ProgStructOps:
		no(NeedTarget, p.Spec.Sec)
	case p.Type == uapi.ProgStructOps:
		no(NeedTarget, p.Target+" of "+user)
	case p.ExpectedAttachType != 0:
		no(NeedAttachType, p.ExpectedAttachType.String())
	default:
		no(NeedProgType, p.Type.String())
	}
}

// tryMap shows the kernel a small map with the flags of m. It learns nothing of maps without any.
func (c *checker) tryMap(m *object.Map) {
	const most = 4096 // bytes of a key or value that is tried
	if m.Flags == 0 && m.Extra == 0 && m.IfIndex == 0 || m.Kind == object.MapStructOps || m.ExclusiveTo != nil {
		return
	}
	t := facts.MapTrial{Type: m.Type, KeySize: m.KeySize, ValueSize: min(m.ValueSize, most), Flags: m.Flags, Extra: m.Extra, NumaNode: m.NumaNode, IfIndex: m.IfIndex}
	ok, says, err := c.k.trier.TryMap(t)
	if ok || err != nil {
		return
	}
	to := func(n *Need) {
		if n.Kind == NeedFlag && slices.Contains(n.Users, m.Name) && !n.Optional {
			n.Answer, n.Reason = facts.No, "the kernel says: "+says
		}
	}
	guilty := ""
	for i := range mapFlags {
		less := t
		less.Flags &^= mapFlags[i].bit
		if less.Flags != t.Flags {
			if ok, _, _ := c.k.trier.TryMap(less); ok {
				guilty = mapFlags[i].name + " of " + m.Type.String()
			}
		}
	}
	for i := range c.r.Needs {
		if n := &c.r.Needs[i]; guilty == "" || n.Name == guilty {
			to(n)
		}
	}
}
