package object

import "slices"

// Clone returns a copy that can be changed and loaded independently of o. Everything that can be
// changed in place is copied; instructions, BTF and names are shared. An Object that nobody changes
// can be loaded by many goroutines at once without cloning.
func (o *Object) Clone() *Object {
	if o == nil {
		return nil
	}
	c := *o
	cl := cloner{
		maps:     make(map[*Map]*Map, len(o.Maps)),
		programs: make(map[*Program]*Program, len(o.Programs)),
		externs:  make(map[*Extern]*Extern, len(o.Externs)),
	}
	c.ArenaData = slices.Clone(o.ArenaData)
	c.Notes = slices.Clone(o.Notes)
	c.Externs = make([]*Extern, len(o.Externs))
	for i, e := range o.Externs {
		n := *e
		c.Externs[i], cl.externs[e] = &n, &n
	}
	c.Programs = make([]*Program, len(o.Programs))
	for i, p := range o.Programs {
		n := *p
		c.Programs[i], cl.programs[p] = &n, &n
	}
	c.Maps = make([]*Map, len(o.Maps))
	for i, m := range o.Maps {
		c.Maps[i] = cl.cloneMap(m, &c)
	}
	c.Arena = cl.maps[o.Arena]
	for _, m := range c.Maps {
		cl.relate(m)
	}
	for _, p := range c.Programs {
		p.Relocs = cl.relocs(p.Relocs)
	}
	c.Subprogs = make([]*Function, len(o.Subprogs))
	for i, f := range o.Subprogs {
		n := *f
		n.Relocs = cl.relocs(f.Relocs)
		c.Subprogs[i] = &n
	}
	return &c
}

// cloner maps the targets of relations in the original to their copies.
type cloner struct {
	maps     map[*Map]*Map
	programs map[*Program]*Program
	externs  map[*Extern]*Extern
}

// cloneMap copies a map and everything that belongs to it alone.
func (cl *cloner) cloneMap(m *Map, o *Object) *Map {
	n := *m
	n.object = o
	cl.maps[m] = &n
	if m.Inner != nil {
		n.Inner = cl.cloneMap(m.Inner, o)
	}
	n.Contents = slices.Clone(m.Contents)
	n.Values = slices.Clone(m.Values)
	if m.StructOps != nil {
		s := *m.StructOps
		s.Slots = slices.Clone(s.Slots)
		n.StructOps = &s
	}
	vars := make([]Variable, len(m.Vars))
	n.Vars = make([]*Variable, len(m.Vars))
	for i, v := range m.Vars {
		vars[i] = *v
		vars[i].Map = &n
		n.Vars[i] = &vars[i]
	}
	return &n
}

// relate redirects a copied map's relations to copies. A relation to something outside the object
// stays.
func (cl *cloner) relate(m *Map) {
	for i := range m.Values {
		v := &m.Values[i]
		v.Map, v.Program = copied(cl.maps, v.Map), copied(cl.programs, v.Program)
	}
	m.ExclusiveTo = copied(cl.programs, m.ExclusiveTo)
	if m.StructOps != nil {
		for i := range m.StructOps.Slots {
			s := &m.StructOps.Slots[i]
			s.Program, s.Initial = copied(cl.programs, s.Program), copied(cl.programs, s.Initial)
		}
	}
}

func (cl *cloner) relocs(rs []Reloc) []Reloc {
	rs = slices.Clone(rs)
	for i := range rs {
		rs[i].Map, rs[i].Extern = copied(cl.maps, rs[i].Map), copied(cl.externs, rs[i].Extern)
	}
	return rs
}

func copied[T any](m map[*T]*T, old *T) *T {
	if n, ok := m[old]; ok {
		return n
	}
	return old
}
