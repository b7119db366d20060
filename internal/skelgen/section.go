package skelgen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// sectionType is a section of global variables with the struct for them.
type sectionType struct {
	name  string // ".data.counters"
	field string // "DataCounters"
	n     *named
	ptrs  string // in a subskeleton, the name of the struct with pointers to the variables
	vars  []*object.Variable
	kind  object.MapKind
	arena bool
	first *object.Variable
}

// constant reports whether programs and user space only read the section after the load.
func (s *sectionType) constant() bool {
	return s.kind == object.MapRodata || s.kind == object.MapKconfig
}

// collectSections lays out the structs for sections that can be mapped into memory.
func (g *generator) collectSections() error {
	for _, m := range g.o.Maps {
		if m.Internal() && m.Flags&uapi.FMmapable != 0 {
			if err := g.section(m, m.Section, m.Kind, false); err != nil {
				return err
			}
		}
	}
	if g.o.Arena != nil && len(g.o.ArenaData) > 0 {
		g.follow = true
		err := g.section(g.o.Arena, object.ArenaSection, object.MapData, true)
		g.follow = false
		return err
	}
	return nil
}

func (g *generator) section(m *object.Map, name string, kind object.MapKind, arena bool) error {
	vars := slices.DeleteFunc(slices.Clone(m.Vars), func(v *object.Variable) bool {
		return v.Static || v.Size == 0
	})
	if len(vars) == 0 {
		return nil
	}
	slices.SortStableFunc(vars, func(a, b *object.Variable) int {
		return cmp.Compare(a.Offset, b.Offset)
	})
	s := &sectionType{name: name, kind: kind, vars: vars, arena: arena, first: vars[0],
		field: identifier(strings.ReplaceAll(name, ".", "_"))}
	if arena {
		s.field = "Arena"
	}
	s.n = &named{name: g.used.unique(g.prefix + s.field), align: 1}
	if g.opts.Subskeleton {
		s.ptrs = g.used.unique(s.n.name + "Vars")
	}
	for _, other := range g.sections {
		if other.field == s.field {
			return fmt.Errorf("two sections, %s and %s, would have the same name",
				clean(other.name, 60), clean(name, 60))
		}
	}
	l := &layout{g: g, n: s.n, names: names{}, direct: 1}
	for _, v := range vars {
		it := item{name: v.Name, typ: v.Type, off: 8 * uint64(v.Offset), size: uint64(v.Size),
			union: -1}
		size, err := g.spec.SizeOf(v.Type)
		if err == nil && size != it.size {
			err = fmt.Errorf("its type has %s, the section has %d", plural(size, "byte"), v.Size)
		}
		if err == nil {
			s.n.size = max(s.n.size, it.off/8+it.size)
			err = l.member(&it)
		}
		if err != nil {
			return fmt.Errorf("variable %s in %s: %w", clean(v.Name, 60), clean(name, 60), err)
		}
	}
	s.n.size = (s.n.size + s.n.align - 1) / s.n.align * s.n.align
	g.sections = append(g.sections, s)
	return nil
}
