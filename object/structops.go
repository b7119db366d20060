package object

import (
	"cmp"
	"sort"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/uapi"
)

// structOpsMaps creates a map for each variable of the .struct_ops sections.
//
// A '?' before the section name turns off creation for all variables of the section. libbpf turns
// it off only for the first one, a known defect that is not copied.
func (p *parser) structOpsMaps() error {
	for i, k := range p.kinds {
		if k != secStructOps {
			continue
		}
		if err := p.structOpsSection(&p.f.Sections[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) structOpsSection(s *elf64.Section) error {
	data, err := p.data(s)
	if err != nil {
		return err
	}
	sec, ok := p.datasec(s.Name)
	if !ok {
		return p.fail(ReasonNotFound, s.Name, "BTF has no section of that name")
	}
	name, optional := strings.CutPrefix(s.Name, "?")
	link := name == ".struct_ops.link"
	end := uint64(0)
	for i := range sec.Vlen() {
		v := sec.SecVar(i)
		t, err := p.o.BTF.Resolve(v.Type)
		variable, _ := p.o.BTF.Type(v.Type)
		switch {
		case err != nil:
			return p.failWith(ReasonInvalid, s.Name, err, "type of variable %q", variable.Name())
		case t.Name() == "":
			return p.fail(ReasonNotSupported, s.Name,
				"variable %q is of an anonymous type; the kernel knows its struct_ops by name",
				variable.Name())
		case t.Kind() != btf.KindStruct:
			return p.fail(ReasonInvalid, s.Name, "variable %q is of kind %v, want STRUCT",
				variable.Name(), t.Kind())
		case uint64(v.Offset)+uint64(t.Size()) > uint64(len(data)):
			return p.fail(ReasonInvalid, s.Name,
				"variable %q at offset %#x with %d bytes is outside the section, which has %d",
				variable.Name(), v.Offset, t.Size(), len(data))
		case uint64(v.Offset) < end || t.Size() == 0:
			return p.fail(ReasonInvalid, s.Name,
				"variable %q at offset %#x with %d bytes overlaps another",
				variable.Name(), v.Offset, t.Size())
		}
		end = uint64(v.Offset) + uint64(t.Size())
		image, err := p.copyOf(s.Name, data[v.Offset:end])
		if err != nil {
			return err
		}
		m := &Map{
			Name:       variable.Name(),
			KernelName: kernelName(variable.Name()),
			Section:    s.Name,
			SecIndex:   s.Index,
			secOffset:  uint64(v.Offset),
			Kind:       MapStructOps,
			Type:       uapi.MapStructOps,
			KeySize:    4,
			ValueSize:  t.Size(),
			ValueType:  t.ID(),
			MaxEntries: 1,
			Contents:   image,
			Autocreate: !optional,
			Autoattach: true,
			StructOps:  &StructOps{Type: t.ID(), Link: link},
		}
		if link {
			m.Flags = uapi.FLink
		}
		p.addMap(m)
	}
	return nil
}

// structOpsSlots records which program is in each function pointer of the section's variables.
func (p *parser) structOpsSlots(rels *elf64.Rels, s *elf64.Section) error {
	var maps []*Map
	for _, m := range p.o.Maps {
		if m.Kind == MapStructOps && m.SecIndex == s.Index {
			maps = append(maps, m)
		}
	}
	for i := range rels.Len() {
		rel := rels.At(i)
		sym, ok := p.syms.At(int(rel.Symbol))
		if !ok {
			return p.badRel(rels, i, ReasonFormat, "symbol %d does not exist", rel.Symbol)
		}
		m := structOpsAt(maps, rel.Offset)
		if m == nil {
			return p.badRel(rels, i, ReasonInvalid, "no variable at offset %#x", rel.Offset)
		}
		switch {
		case sym.Section >= elf64.IndexReserve:
			return p.badRel(rels, i, ReasonReloc,
				"variable %q refers to %q, which is in no section", m.Name, p.symbolName(sym))
		case sym.Value%8 != 0:
			return p.badRel(rels, i, ReasonFormat,
				"variable %q refers to %q at offset %#x, not a multiple of 8",
				m.Name, p.symbolName(sym), sym.Value)
		}
		off := rel.Offset - m.secOffset
		index, member, ok := memberAt(p.o.BTF, m.StructOps.Type, off)
		if !ok {
			return p.badRel(rels, i, ReasonInvalid, "variable %q has no member at offset %d",
				m.Name, off)
		}
		if ptr := p.o.BTF.Skip(member.Type); ptr.Kind() != btf.KindPtr ||
			p.o.BTF.Skip(ptr.Ref()).Kind() != btf.KindFuncProto {
			return p.badRel(rels, i, ReasonInvalid,
				"member %q of variable %q is not a function pointer", member.Name, m.Name)
		}
		f, ok := p.functionAt(int(sym.Section), sym.Value)
		if !ok || f.p == nil || f.p.Type != uapi.ProgStructOps {
			return p.badRel(rels, i, ReasonInvalid,
				`member %q of variable %q refers to %q, which is not a program in SEC("struct_ops")`,
				member.Name, m.Name, p.symbolName(sym))
		}
		m.StructOps.Slots = append(m.StructOps.Slots,
			StructOpsSlot{Member: index, Offset: uint32(off), Program: f.p, Initial: f.p})
	}
	for _, m := range maps {
		m.StructOps.sortSlots()
	}
	return nil
}

// sortSlots sorts slots by member; the last of two for the same member wins.
func (s *StructOps) sortSlots() {
	list := s.Slots
	stable(len(list), func(i, j int) int { return cmp.Compare(list[i].Member, list[j].Member) },
		func(i, j int) { list[i], list[j] = list[j], list[i] })
	kept := list[:0]
	for i, slot := range list {
		if i+1 == len(list) || list[i+1].Member != slot.Member {
			kept = append(kept, slot)
		}
	}
	s.Slots = kept
}

// structOpsAt returns the map whose variable contains the byte at off of the section. maps are
// sorted by offset.
func structOpsAt(maps []*Map, off uint64) *Map {
	for lo, hi := 0, len(maps); lo < hi; {
		mid := int(uint(lo+hi) / 2)
		switch m := maps[mid]; {
		case off < m.secOffset:
			hi = mid
		case off-m.secOffset >= uint64(m.ValueSize):
			lo = mid + 1
		default:
			return m
		}
	}
	return nil
}

// memberAt returns the first member of a struct that starts at a byte offset. Members are in order
// of offset; the kernel refuses others.
func memberAt(s *btf.Spec, id btf.ID, off uint64) (int, btf.Member, bool) {
	t, _ := s.Type(id)
	i := sort.Search(t.Vlen(), func(i int) bool { return uint64(t.Member(i).BitOffset) >= off*8 })
	m := t.Member(i)
	return i, m, i < t.Vlen() && uint64(m.BitOffset) == off*8
}
