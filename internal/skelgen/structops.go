package skelgen

import (
	"fmt"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/object"
)

// opsType is the shadow of a struct_ops type: its function pointers are programs.
type opsType struct {
	id      btf.ID
	name    string
	c       string
	members []opsMember
}

type opsMember struct {
	name    string
	c       string
	program bool
	off     uint64
	typ     goType
	comment string
}

// opsField is a struct_ops variable.
type opsField struct {
	m     *object.Map
	field string
	typ   *opsType
}

// collectStructOps lays out the shadows of struct_ops variables.
func (g *generator) collectStructOps() error {
	taken, known := names{}, map[btf.ID]*opsType{}
	for _, m := range g.o.Maps {
		if m.StructOps == nil {
			continue
		}
		typ := known[m.StructOps.Type]
		if typ == nil {
			var err error
			if typ, err = g.opsType(m.StructOps.Type); err != nil {
				return fmt.Errorf("struct_ops %s: %w", clean(m.Name, 60), err)
			}
			known[m.StructOps.Type] = typ
		}
		g.structOps = append(g.structOps, opsField{m, taken.unique(identifier(m.Name)), typ})
	}
	return nil
}

func (g *generator) opsType(id btf.ID) (*opsType, error) {
	t, _ := g.spec.Type(id)
	typ := &opsType{id: id, name: g.used.unique(g.prefix + identifier(t.Name())), c: t.Name()}
	f := flat{g: g}
	if err := f.add(t, 0, -1, 0); err != nil {
		return nil, err
	}
	taken := names{}
	for i := range f.items {
		it := &f.items[i]
		if it.width > 0 || it.size == 0 || it.union >= 0 {
			continue // what else the C skeleton has no member for
		}
		m := opsMember{c: it.name, off: it.off / 8,
			comment: clean(g.spec.CDecl(it.typ, clean(it.name, 80)), 100)}
		if p := g.spec.Skip(it.typ); p.Kind() == btf.KindPtr &&
			g.spec.Skip(p.Ref()).Kind() == btf.KindFuncProto {
			m.program = true
		} else {
			var err error
			if m.typ, err = g.use(it.typ, typ.name+identifier(it.name), 0); err != nil {
				return nil, err
			}
		}
		m.name = taken.unique(identifier(it.name))
		typ.members = append(typ.members, m)
	}
	return typ, nil
}
