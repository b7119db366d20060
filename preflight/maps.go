package preflight

import (
	"slices"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/maprules"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// maps adds needs for map types, for settings that the object leaves to the application, and for
// shapes that kernels accept.
func (c *checker) maps() {
	c.r.Needs = slices.Grow(c.r.Needs, 5*len(c.o.Maps))
	for _, m := range c.o.Maps {
		if !m.Autocreate {
			continue
		}
		c.aMap(m, m.Name, false)
		if m.Inner != nil {
			c.aMap(m.Inner, m.Inner.Name, true)
		}
	}
}

func (c *checker) aMap(m *object.Map, name string, template bool) {
	n := c.need(NeedMapType, m.Type.String(), name)
	if n.Reason == "" {
		n.Answer, n.Reason = c.k.mapType(m.Type)
	}
	if m.Kind == object.MapStructOps || n.Answer == facts.No || m.IfIndex != 0 {
		return // the kernel's own type decides; there are none; the device's driver decides
	}
	v := c.shapeOf(m, template)
	if !v.known {
		return
	}
	for _, u := range v.unset {
		s := c.need(NeedSetting, name+" "+u.what, name)
		s.Answer, s.Reason = facts.Unknown, u.reason
	}
	s := c.need(NeedShape, "of "+name, name)
	s.Answer, s.Reason = v.answer, v.reason
}

// shape is the verdict on maps of one shape. An object may have many of them.
type shape struct {
	known  bool
	answer facts.Answer
	reason string
	unset  []unsetSetting
}

// unsetSetting is a setting that the application has to make.
type unsetSetting struct{ what, reason string }

// shapeOf checks the shape of a map against the kernel's rules, once for each shape.
func (c *checker) shapeOf(m *object.Map, template bool) shape {
	if c.shapes == nil {
		c.rules, c.shapes = c.k.rules(), make(map[maprules.Map]shape)
	}
	key := c.shape(m, template)
	v, ok := c.shapes[key]
	if !ok {
		v = c.judgeShape(&key)
		c.shapes[key] = v
	}
	return v
}

func (c *checker) judgeShape(m *maprules.Map) (v shape) {
	var broken []maprules.Breach
	broken, v.known = maprules.Check(m, c.rules)
	v.answer = facts.Yes
	var reasons []string
	for i := range broken {
		b := &broken[i]
		switch {
		case b.Flags != 0: // a separate need
		case b.Unset != "":
			v.unset = append(v.unset, unsetSetting{b.Unset,
				b.Text + "; the object does not set it, so the application must"})
		default:
			to := facts.No
			if b.Unsure || !b.Lasting && !c.k.upTo618() {
				to = facts.Unknown
			}
			if v.answer != facts.No {
				v.answer = to
			}
			reasons = append(reasons, b.Text)
		}
	}
	v.reason = strings.Join(reasons, "; ")
	if v.answer == facts.Yes {
		v.reason = "sizes and entries that " + maprules.Name(m.Type) + " may have"
	}
	return v
}

// shape returns the attributes with which the kernel will be asked to create a map.
func (c *checker) shape(m *object.Map, template bool) maprules.Map {
	r := maprules.Map{
		Type: m.Type, KeySize: m.KeySize, ValueSize: m.ValueSize, MaxEntries: m.MaxEntries,
		Flags: m.Flags, Extra: m.Extra, NumaNode: m.NumaNode, Outer: template,
		Inner: m.Inner != nil, Kernel: m.StructOps != nil,
	}
	switch m.Type {
	case uapi.MapRingBuf, uapi.MapUserRingBuf:
		r.MaxEntries = plan.RingSize(m.MaxEntries, c.k.PageSize())
	case uapi.MapPerfEventArray:
		r.MaxEntries = max(r.MaxEntries, 1) // one for each CPU
	}
	if s := c.o.BTF; s != nil && m.KeyType != 0 && m.ValueType != 0 {
		key := s.Skip(m.KeyType)
		size, err := s.SizeOf(m.ValueType)
		r.Typed = err == nil && size == uint64(m.ValueSize)
		r.IntKey = key.Kind() == btf.KindInt && key.Size() == 4 && key.IntBits() == 32
		r.Special = maprules.SpecialFields(s, m.ValueType)
	}
	return r
}

// rules returns the kernel in the form that the rules for maps use.
func (t *target) rules() *maprules.Kernel {
	k := &maprules.Kernel{Version: t.Kernel.Version(), PageSize: t.PageSize(), Sizeof: t.sizeof}
	k.Kconfig, _ = t.kconfig()
	k.CPUs, _ = t.PossibleCPUs()
	return k
}

// sizeof returns the size of a kernel struct, 0 if the BTF does not have it.
func (t *target) sizeof(name string) uint32 {
	s := t.vmlinux()
	if s == nil {
		return 0
	}
	id, ok := s.FindByName(name, btf.KindStruct)
	if !ok {
		return 0
	}
	typ, _ := s.Type(id)
	return typ.Size()
}

// upTo618 reports whether the kernel is one whose rules are known here: by its version, or because
// its BTF lacks what the next version added.
func (t *target) upTo618() bool {
	if v := t.Kernel.Version(); v != 0 {
		return !facts.AtLeast(v, maprules.Newest)
	}
	s := t.vmlinux()
	if s == nil {
		return false
	}
	has, known := facts.HasEnumerator(s, "bpf_map_type", "", int64(uapi.MapInsnArray))
	return known && !has
}
