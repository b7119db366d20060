package object

import (
	"cmp"
	"slices"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/uapi"
)

// mapSlots reads the initial values of maps of maps and program arrays: pointers in the array
// values at the end of a definition.
func (p *parser) mapSlots(rels *elf64.Rels) error {
	for i := range rels.Len() {
		rel := rels.At(i)
		sym, ok := p.syms.At(int(rel.Symbol))
		if !ok {
			return p.badRel(rels, i, ReasonFormat, "symbol %d does not exist", rel.Symbol)
		}
		m, v := p.mapOver(rel.Offset)
		if m == nil {
			return p.badRel(rels, i, ReasonInvalid, "no map variable there")
		}
		value, err := p.slotValue(rels, i, m, sym)
		if err != nil {
			return err
		}
		start, ok := p.valuesOffset(v)
		off := rel.Offset - uint64(v.Offset)
		if !ok || off < start || (off-start)%8 != 0 {
			return p.badRel(rels, i, ReasonInvalid, "map %q: no element of its values there",
				m.Name)
		}
		value.Key = uint32((off - start) / 8)
		m.Values = append(m.Values, value)
	}
	for _, m := range p.o.Maps[:len(p.defined)] {
		m.sortValues()
	}
	return nil
}

// sortValues sorts initial values by key; the last of two for the same key wins.
func (m *Map) sortValues() {
	list := m.Values
	stable(len(list), func(i, j int) int { return cmp.Compare(list[i].Key, list[j].Key) },
		func(i, j int) { list[i], list[j] = list[j], list[i] })
	kept := list[:0]
	for i, v := range list {
		if i+1 == len(list) || list[i+1].Key != v.Key {
			kept = append(kept, v)
		}
	}
	m.Values = kept
}

// slotValue returns the map or program that a slot of m refers to.
func (p *parser) slotValue(rels *elf64.Rels, i int, m *Map, sym elf64.Symbol) (Value, error) {
	name := p.symbolName(sym)
	switch m.Type {
	case uapi.MapArrayOfMaps, uapi.MapHashOfMaps:
		if int(sym.Section) != p.maps {
			return Value{}, p.badRel(rels, i, ReasonReloc, "map %q: its value %q is not a map",
				m.Name, name)
		}
		if m.Type == uapi.MapHashOfMaps && m.KeySize != 4 {
			return Value{}, p.badRel(rels, i, ReasonInvalid,
				"map %q: a hash of maps with initial values needs keys of 4 bytes, these have %d",
				m.Name, m.KeySize)
		}
		inner := p.mapAt(sym.Value)
		if inner == nil {
			return Value{}, p.badRel(rels, i, ReasonNoSuch, "map %q: its value %q is not a map",
				m.Name, name)
		}
		return Value{Map: inner}, nil
	case uapi.MapProgArray:
		f, ok := p.functionAt(int(sym.Section), sym.Value)
		if !ok || f.p == nil {
			return Value{}, p.badRel(rels, i, ReasonNoSuch,
				"map %q: its value %q is not a program with its own SEC()", m.Name, name)
		}
		if f.f.Offset != sym.Value {
			return Value{}, p.badRel(rels, i, ReasonReloc,
				"map %q: its value %q is inside of program %q", m.Name, name, f.f.Name)
		}
		return Value{Program: f.p}, nil
	}
	return Value{}, p.badRel(rels, i, ReasonInvalid, "map %q of type %v takes no initial values",
		m.Name, m.Type)
}

// mapOver returns the map whose variable contains the 8 bytes at off of .maps.
func (p *parser) mapOver(off uint64) (*Map, btf.SecVar) {
	vars := p.defined
	i, _ := slices.BinarySearchFunc(vars, off, func(v btf.SecVar, off uint64) int {
		if uint64(v.Offset) <= off {
			return -1
		}
		return 1
	})
	if i == 0 {
		return nil, btf.SecVar{}
	}
	v := vars[i-1]
	if d := off - uint64(v.Offset); d+8 < d || d+8 > uint64(v.Size) {
		return nil, btf.SecVar{}
	}
	return p.o.Maps[i-1], v
}

// valuesOffset returns the offset of the initial values in a map variable.
func (p *parser) valuesOffset(v btf.SecVar) (uint64, bool) {
	t, _ := p.o.BTF.Type(v.Type)
	def := p.o.BTF.Skip(t.Ref())
	if def.Vlen() == 0 {
		return 0, false
	}
	last := def.Member(def.Vlen() - 1)
	return uint64(last.BitOffset) / 8, last.Name == "values"
}
