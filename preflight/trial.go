package preflight

import (
	"slices"
	"strconv"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// Trier is a kernel that can try programs and maps of given types, flags and targets: the running
// one. Its answers override those from its BTF and version. kernel.Facts is a Trier.
type Trier interface {
	TryProgram(facts.ProgramTrial) (ok bool, says string, err error)
	TryMap(facts.MapTrial) (ok bool, says string, err error)
}

// trials lets the kernel try each kind of program and map in the object, without code and entries.
// If it refuses one, trials blames the property without which the kernel accepts it.
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
		Type: p.Type, Attach: p.ExpectedAttachType, Flags: p.Flags, License: p.License,
		IfIndex:     p.IfIndex,
		AttachBTFID: p.AttachBTFID, Module: p.AttachModule,
	}
	r := c.program(t)
	if r.err != nil {
		return
	}
	user := p.Spec.Name
	if r.ok {
		for i := range c.r.Needs {
			if n := &c.r.Needs[i]; n.Kind == NeedFlag && n.Answer != facts.Yes &&
				slices.Contains(n.Users, user) {
				n.Answer, n.Reason = facts.Yes, "tried"
			}
		}
		return
	}
	no := func(kind NeedKind, name string) {
		n := c.need(kind, name, user)
		n.Answer, n.Optional, n.Attach, n.Reason = facts.No, false, false, "the kernel says: "+
			r.says
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

// tryMap lets the kernel create a small map with the sizes and flags of m. Broken rules that are
// known have been reported already; otherwise tryMap blames the property without which the kernel
// creates the map, or the map as a whole if there is none.
func (c *checker) tryMap(m *object.Map) {
	const most = 1 << 16 // bytes of a key or value that are tried
	if m.Kind == object.MapStructOps || m.ExclusiveTo != nil || max(m.KeySize, m.ValueSize) > most {
		return
	}
	plain := m.Flags == 0 && m.Extra == 0 && m.IfIndex == 0
	if plain && m.Type != uapi.MapStackTrace { // a sysctl limits its frames
		return
	}
	t := facts.MapTrial{
		Type: m.Type, KeySize: m.KeySize, ValueSize: m.ValueSize, Flags: m.Flags, Extra: m.Extra,
		NumaNode: m.NumaNode, IfIndex: m.IfIndex,
	}
	ok, says, err := c.k.trier.TryMap(t)
	if err != nil {
		return
	}
	if ok {
		shape := c.need(NeedShape, "of "+m.Name, m.Name)
		if m.Type == uapi.MapStackTrace && shape.Answer == facts.No {
			shape.Answer, shape.Reason = facts.Yes, "tried"
		}
		return
	}
	for i := range c.r.Needs {
		n := &c.r.Needs[i]
		told := n.Answer == facts.No && !n.Optional || n.Kind == NeedSetting
		if told && aboutMaps(n.Kind) && slices.Contains(n.Users, m.Name) {
			return
		}
	}
	blame := func(n *Need) { n.Answer, n.Reason = facts.No, "the kernel says: "+says }
	without := func(less facts.MapTrial) bool {
		if less == t {
			return false
		}
		ok, _, err := c.k.trier.TryMap(less)
		return ok && err == nil
	}
	for i := range mapFlags {
		f := &mapFlags[i]
		less := t
		if less.Flags &^= f.bit; f.bit == uapi.FNumaNode {
			less.NumaNode = 0
		}
		if !without(less) {
			continue
		}
		n := c.need(NeedFlag, f.name+" of "+m.Type.String(), m.Name)
		blame(n)
		if less = t; f.bit == uapi.FNumaNode && m.NumaNode != 0 {
			if less.NumaNode = 0; without(less) {
				n.Reason = numaNode(m.NumaNode) + ": the kernel takes node 0, not that one: " + says
			}
		}
		return
	}
	less := t
	less.Extra = 0
	if without(less) {
		blame(c.need(NeedFlag, fieldExtra.name+" of "+m.Type.String(), m.Name))
		return
	}
	less = t
	if less.IfIndex = 0; without(less) {
		blame(c.need(NeedFlag, fieldIfIndex.name+" of "+m.Type.String(), m.Name))
		return
	}
	blame(c.need(NeedShape, "of "+m.Name, m.Name))
}

func numaNode(n uint32) string { return "numa_node " + strconv.FormatUint(uint64(n), 10) }

// aboutMaps reports whether needs of a kind are about maps.
func aboutMaps(k NeedKind) bool {
	return k == NeedMapType || k == NeedShape || k == NeedSetting || k == NeedFlag
}
