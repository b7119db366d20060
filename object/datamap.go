package object

import (
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/uapi"
)

// dataKinds maps kinds of sections to kinds of maps.
var dataKinds = [...]struct {
	sec  secKind
	kind MapKind
	base string
}{
	{secData, MapData, ".data"},
	{secRodata, MapRodata, ".rodata"},
	{secBss, MapBss, ".bss"},
}

// sectionOf returns the index of the last section of a kind, 0 if there is none.
func (p *parser) sectionOf(k secKind) int {
	for i := len(p.kinds) - 1; i > 0; i-- {
		if p.kinds[i] == k {
			return i
		}
	}
	return 0
}

// dataSections creates an internal map for each .data, .rodata and .bss section, in file order.
func (p *parser) dataSections() error {
	for i, sec := range p.kinds {
		for _, row := range dataKinds {
			if row.sec != sec || p.f.Sections[i].Size == 0 {
				continue
			}
			s := &p.f.Sections[i]
			b, err := p.data(s)
			if err != nil {
				return err
			}
			m := internalMap(p.o.Name, row.kind, s.Name, row.base)
			m.SecIndex = i
			if b != nil {
				if m.Contents, err = p.copyOf(s.Name, b); err != nil {
					return err
				}
			}
			if err := p.addInternal(m, s.Size); err != nil {
				return err
			}
			if p.dataMaps == nil {
				p.dataMaps = make([]*Map, len(p.f.Sections))
			}
			p.dataMaps[i] = m
		}
	}
	if i := p.sectionOf(secJumpTables); i != 0 {
		b, err := p.data(&p.f.Sections[i])
		if err != nil {
			return err
		}
		p.o.JumpTables = b
	}
	return nil
}

// kconfigMap creates the map for the configuration values, which are set when the kernel is known.
func (p *parser) kconfigMap() error {
	size := p.kconfigSize()
	if size == 0 {
		return nil
	}
	return p.addInternal(internalMap(p.o.Name, MapKconfig, kconfigSection, kconfigSection),
		uint64(size))
}

// internalMap returns a map with one value for a section of variables.
func internalMap(object string, kind MapKind, section, base string) *Map {
	m := &Map{
		Section:    section,
		Kind:       kind,
		KernelName: internalName(object, section),
		Type:       uapi.MapArray,
		KeySize:    4,
		MaxEntries: 1,
		Autocreate: true,
	}
	m.Name = m.KernelName
	if (kind == MapData || kind == MapRodata) && section != base {
		m.Name = section
	}
	if kind == MapRodata || kind == MapKconfig {
		m.Flags = uapi.FRdonlyProg
	}
	return m
}

// internalName returns libbpf's name for the map of a data section. Seven of the 15 characters are
// kept for the section's name, even if it is shorter, more if it is longer; the object's name gets
// the rest. A section with a second dot is named without the object's name.
func internalName(object, section string) string {
	width := min(max(7, len(section)), maxName)
	prefix := object[:min(len(object), maxName-width)]
	if strings.Contains(section[1:], ".") {
		prefix = ""
	}
	return kernelName(prefix + section[:min(len(section), width)])
}

// addInternal sets the size, BTF type and variables of an internal map, and appends it to the
// object.
func (p *parser) addInternal(m *Map, size uint64) error {
	if size > 1<<32-1 {
		return p.fail(ReasonTooBig, m.Section, "%d bytes, a map's value has less than 4 GiB", size)
	}
	m.ValueSize = uint32(size)
	p.addMap(m)
	if t, ok := p.datasec(m.Section); ok {
		m.ValueType = t.ID()
	}
	if p.addVars(m, m.Section, size) {
		m.Flags |= uapi.FMmapable
	}
	return nil
}

// addVars creates a Variable for each VAR in a section's BTF that lies within its size bytes. It
// reports whether the section may be mapped into memory: only if one of its variables is global and
// not hidden.
func (p *parser) addVars(m *Map, section string, size uint64) (mappable bool) {
	t, ok := p.datasec(section)
	if !ok {
		return false
	}
	if mappable, again := p.listed[t.ID()]; again {
		p.note(section, "a second section of that name: its variables are not listed")
		return mappable
	}
	vars := make([]Variable, 0, t.Vlen())
	m.Vars = make([]*Variable, 0, t.Vlen())
	for i := range t.Vlen() {
		sv := t.SecVar(i)
		v, _ := p.o.BTF.Type(sv.Type)
		if v.Kind() != btf.KindVar {
			continue
		}
		mappable = mappable || v.Linkage() != btf.LinkageStatic
		if uint64(sv.Offset)+uint64(sv.Size) > size {
			continue
		}
		vars = append(vars, Variable{Name: v.Name(), Map: m, Type: v.Ref(), Offset: sv.Offset,
			Size: sv.Size, Static: v.Linkage() == btf.LinkageStatic})
		m.Vars = append(m.Vars, &vars[len(vars)-1])
	}
	if p.listed == nil {
		p.listed = map[btf.ID]bool{}
	}
	p.listed[t.ID()] = mappable
	return mappable
}

// dataMap returns the internal map of a section, nil if it has none.
func (p *parser) dataMap(i elf64.SectionIndex) *Map {
	if int(i) >= len(p.dataMaps) {
		return nil
	}
	return p.dataMaps[i]
}
