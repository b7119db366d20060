package object

import (
	"fmt"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/uapi"
)

// Map definitions
//
// A map is a variable in .maps that is described by its type; its bytes hold nothing but initial
// values. The type is a struct of pointers. A number N is written as a pointer to an array of N
// ints (the macro __uint), a type T as a pointer to T (__type), a number of 64 bits also as the
// only constant of an enum (__ulong), the initial values as an array of length zero, which must
// come last (__array).

const (
	maxSymbol = 511 // longest name of a map: the kernel's limit for any name in BTF (KSYM_NAME_LEN)
	mapChunk  = 32  // maps allocated at a time
	maxFields = 64  // of a definition: eleven are known, Options.RelaxedMaps ignores more
)

// defineMaps creates a Map for each variable of .maps.
func (p *parser) defineMaps() error {
	if p.maps == 0 {
		if i := p.sectionOf(secArena); i != 0 {
			const text = "arena variables in an object without maps, so nothing may refer to them"
			p.note(p.f.Sections[i].Name, text)
		}
		return nil
	}
	s := &p.f.Sections[p.maps]
	sec, ok := p.datasec(mapsSection)
	if !ok {
		return p.fail(ReasonNotFound, mapsSection, "BTF has no section of that name")
	}
	names := map[string]bool{}
	// allocated in chunks of valid maps: the number of variables cannot be trusted
	var maps []Map
	p.o.Maps = make([]*Map, 0, min(sec.Vlen(), mapChunk)+4)
	end := uint64(0)
	for i := range sec.Vlen() {
		v := sec.SecVar(i)
		if uint64(v.Offset)+uint64(v.Size) > s.Size {
			return p.fail(ReasonInvalid, mapsSection,
				"map variable [%d] at offset %#x with %d bytes is outside the section, "+
					"which has %d", v.Type, v.Offset, v.Size, s.Size)
		}
		if uint64(v.Offset) < end || v.Size == 0 {
			return p.fail(ReasonInvalid, mapsSection,
				"map variable [%d] at offset %#x with %d bytes overlaps another",
				v.Type, v.Offset, v.Size)
		}
		end = uint64(v.Offset) + uint64(v.Size)
		if len(maps) == 0 {
			maps = make([]Map, min(sec.Vlen()-i, mapChunk))
		}
		m := &maps[0]
		maps = maps[1:]
		if err := p.defineMap(m, v, s); err != nil {
			return err
		}
		if names[m.Name] {
			return p.fail(ReasonInvalid, mapsSection, "two maps are called %q", m.Name)
		}
		names[m.Name] = true
		p.addMap(m)
		p.defined = append(p.defined, v)
	}
	return p.checkArena()
}

// addMap appends a map to the object.
func (p *parser) addMap(m *Map) {
	m.Index = len(p.o.Maps)
	m.object = p.o
	p.o.Maps = append(p.o.Maps, m)
}

func (p *parser) defineMap(m *Map, v btf.SecVar, s *elf64.Section) error {
	t, _ := p.o.BTF.Type(v.Type)
	name := t.Name()
	switch {
	case t.Kind() != btf.KindVar || name == "":
		return p.fail(ReasonInvalid, mapsSection,
			"the BTF section lists %v [%d] %q, want a named VAR", t.Kind(), v.Type, name)
	case len(name) > maxSymbol:
		return p.fail(ReasonInvalid, mapsSection, "map name of %d bytes, %d are allowed",
			len(name), maxSymbol)
	case t.Linkage() != btf.LinkageGlobal:
		return p.fail(ReasonNotSupported, mapsSection,
			"map %q is static, extern or hidden; define it as a global variable", name)
	}
	def := p.o.BTF.Skip(t.Ref())
	if def.Kind() != btf.KindStruct {
		return p.fail(ReasonInvalid, mapsSection, "map %q is of kind %v, want STRUCT",
			name, def.Kind())
	}
	if def.Size() > v.Size {
		return p.fail(ReasonInvalid, mapsSection, "map %q: its variable has %d bytes, its type %d",
			name, v.Size, def.Size())
	}
	*m = Map{Name: name, KernelName: kernelName(name), Section: s.Name, SecIndex: s.Index,
		secOffset: uint64(v.Offset), Autocreate: true}
	return p.parseDef(m, def, nil)
}

// kernelName returns a map's name in the kernel.
func kernelName(name string) string {
	name, _ = uapi.ObjectName(name)
	return name
}

// parseDef fills m from a definition. outer is nil except for the inner definition of a map of
// maps.
func (p *parser) parseDef(m *Map, def btf.Type, outer *Map) error {
	if def.Vlen() > maxFields {
		return p.fail(ReasonInvalid, mapsSection, "map %q has %d fields, %d are allowed",
			m.Name, def.Vlen(), maxFields)
	}
	for i := range def.Vlen() {
		member := def.Member(i)
		d := definition{p: p, m: m, outer: outer, member: member, last: i == def.Vlen()-1}
		if uint64(member.BitOffset)+8*p.memberSize(member) > 8*uint64(def.Size()) {
			return d.fail(ReasonInvalid, "is outside the struct")
		}
		field := findField(member.Name)
		if field == nil {
			if !p.opts.RelaxedMaps {
				text := "is unknown; RelaxedMaps (bpf --relaxed-maps) ignores unknown fields"
				if near := nearFields(member.Name); near != "" {
					text += "; " + near
				}
				return d.fail(ReasonNotSupported, "%s", text)
			}
			p.note(mapsSection, fmt.Sprintf("map %q: unknown field %q ignored",
				m.Name, member.Name))
			continue
		}
		if err := field.parse(&d); err != nil {
			return err
		}
		if d.inner.Kind() == btf.KindStruct {
			if err := p.parseDef(m.Inner, d.inner, m); err != nil {
				return err
			}
		}
	}
	if m.Type == uapi.MapUnspec {
		return p.fail(ReasonInvalid, mapsSection,
			"map %q has no type: add __uint(type, BPF_MAP_TYPE_...)", m.Name)
	}
	return nil
}

// memberSize returns the size of a field in bytes: that of a pointer, except for the number of
// map_extra and the empty array of values.
func (p *parser) memberSize(m btf.Member) uint64 {
	switch t := p.o.BTF.Skip(m.Type); t.Kind() {
	case btf.KindPtr:
		return 8
	case btf.KindEnum, btf.KindEnum64:
		return uint64(t.Size())
	}
	return 0
}

// definition is the field of a definition that is being read.
type definition struct {
	p      *parser
	m      *Map
	outer  *Map
	member btf.Member
	last   bool
	inner  btf.Type // definition of the inner map, if the field has one
}

func (d *definition) fail(r Reason, format string, args ...any) error {
	return d.p.fail(r, mapsSection, "map %q: field %q %s", d.m.Name, d.member.Name,
		fmt.Sprintf(format, args...))
}

// mapField is a field that a definition may have.
type mapField struct {
	name  string
	parse func(*definition) error
}

var mapFields = [...]mapField{
	{"type", func(d *definition) error { return number(d, (*uint32)(&d.m.Type)) }},
	{"max_entries", func(d *definition) error { return number(d, &d.m.MaxEntries) }},
	{"map_flags", func(d *definition) error { return number(d, (*uint32)(&d.m.Flags)) }},
	{"numa_node", func(d *definition) error { return number(d, &d.m.NumaNode) }},
	{"key_size", func(d *definition) error { return d.size(&d.m.KeySize) }},
	{"key", func(d *definition) error { return d.typed(&d.m.KeySize, &d.m.KeyType) }},
	{"value_size", func(d *definition) error { return d.size(&d.m.ValueSize) }},
	{"value", func(d *definition) error { return d.typed(&d.m.ValueSize, &d.m.ValueType) }},
	{"values", (*definition).values},
	{"pinning", (*definition).pinning},
	{"map_extra", (*definition).extra},
}

func findField(name string) *mapField {
	for i := range mapFields {
		if mapFields[i].name == name {
			return &mapFields[i]
		}
	}
	return nil
}

// nearFields proposes fields of map definitions with names similar to name.
func nearFields(name string) string {
	near := nearest.To(name)
	for i := range mapFields {
		near.Offer([]byte(mapFields[i].name))
	}
	return near.Hint()
}

// int reads a number written as a pointer to an array of that many ints.
func (d *definition) int() (uint32, error) {
	t := d.p.o.BTF.Skip(d.member.Type)
	if t.Kind() != btf.KindPtr {
		return 0, d.fail(ReasonInvalid, "is of kind %v, want PTR: write __uint(%s, N)",
			t.Kind(), d.member.Name)
	}
	a, _ := d.p.o.BTF.Type(t.Ref())
	if a.Kind() != btf.KindArray {
		return 0, d.fail(ReasonInvalid, "points to %v, want ARRAY: write __uint(%s, N)",
			a.Kind(), d.member.Name)
	}
	return a.Array().Nelems, nil
}

func number(d *definition, dst *uint32) error {
	n, err := d.int()
	if err == nil {
		*dst = n
	}
	return err
}

// size reads key_size or value_size.
func (d *definition) size(dst *uint32) error {
	n, err := d.int()
	if err != nil {
		return err
	}
	return d.setSize(dst, n)
}

func (d *definition) setSize(dst *uint32, n uint32) error {
	if *dst != 0 && *dst != n {
		return d.fail(ReasonInvalid, "says %d bytes, another field %d", n, *dst)
	}
	*dst = n
	return nil
}

// typed reads key or value.
func (d *definition) typed(size *uint32, id *btf.ID) error {
	t, _ := d.p.o.BTF.Type(d.member.Type)
	if t.Kind() != btf.KindPtr {
		return d.fail(ReasonInvalid, "is of kind %v, want PTR: write __type(%s, T)",
			t.Kind(), d.member.Name)
	}
	n, err := d.p.o.BTF.SizeOf(t.Ref())
	if err != nil {
		return d.p.failWith(ReasonInvalid, mapsSection, err, "map %q: size of field %q",
			d.m.Name, d.member.Name)
	}
	if n > 1<<32-1 {
		return d.fail(ReasonTooBig, "has %d bytes", n)
	}
	if err := d.setSize(size, uint32(n)); err != nil {
		return err
	}
	*id = t.Ref()
	return nil
}

// values reads the type of initial values: of an inner map, or of the programs of a program array.
func (d *definition) values() error {
	s := d.p.o.BTF
	mapOfMaps := d.m.Type == uapi.MapArrayOfMaps || d.m.Type == uapi.MapHashOfMaps
	switch {
	case d.outer != nil:
		return d.fail(ReasonNotSupported, "nests maps more than one level deep")
	case !d.last:
		return d.fail(ReasonInvalid, "must be the last one")
	case !mapOfMaps && d.m.Type != uapi.MapProgArray:
		return d.fail(ReasonNotSupported,
			"is for maps of maps and program arrays, whose type must come before it; this is %v",
			d.m.Type)
	}
	if d.m.ValueSize != 0 && d.m.ValueSize != 4 {
		return d.fail(ReasonInvalid, "needs a value size of 4, another field says %d",
			d.m.ValueSize)
	}
	d.m.ValueSize = 4
	t, _ := s.Type(d.member.Type)
	if t.Kind() != btf.KindArray || t.Array().Nelems != 0 {
		return d.fail(ReasonInvalid, "must be an array of length 0: write __array(values, T)")
	}
	t = s.Skip(t.Array().Elem)
	if t.Kind() != btf.KindPtr {
		return d.fail(ReasonInvalid, "has elements of kind %v, want PTR", t.Kind())
	}
	t = s.Skip(t.Ref())
	if !mapOfMaps {
		if t.Kind() != btf.KindFuncProto {
			return d.fail(ReasonInvalid, "points to %v, want FUNC_PROTO", t.Kind())
		}
		return nil
	}
	if t.Kind() != btf.KindStruct {
		return d.fail(ReasonInvalid, "points to %v, want the STRUCT of an inner map definition",
			t.Kind())
	}
	name := d.m.Name + ".inner"
	d.m.Inner = &Map{Name: name, KernelName: kernelName(name), Section: mapsSection,
		SecIndex: d.m.SecIndex, Index: -1, Autocreate: true, object: d.p.o}
	d.inner = t
	return nil
}

func (d *definition) pinning() error {
	if d.outer != nil {
		return d.fail(ReasonInvalid, "is not for inner maps")
	}
	n, err := d.int()
	if err != nil {
		return err
	}
	if n > 1 {
		return d.fail(ReasonInvalid,
			"has the value %d, want LIBBPF_PIN_NONE (0) or LIBBPF_PIN_BY_NAME (1)", n)
	}
	d.m.PinByName = n == 1
	return nil
}

// extra reads map_extra, which has 64 bits and so may be an enum's constant.
func (d *definition) extra() error {
	t := d.p.o.BTF.Skip(d.member.Type)
	switch t.Kind() {
	case btf.KindEnum, btf.KindEnum64:
		if t.Vlen() != 1 {
			return d.fail(ReasonInvalid,
				"is an enum of %d constants, want 1: write __ulong(map_extra, N)", t.Vlen())
		}
		d.m.Extra = uint64(t.Enumerator(0).Value)
		return nil
	}
	n, err := d.int()
	d.m.Extra = uint64(n)
	return err
}

// checkArena finds the only arena and gives it the globals of .addr_space.1.
func (p *parser) checkArena() error {
	for _, m := range p.o.Maps {
		if m.Type != uapi.MapArena {
			continue
		}
		if p.o.Arena != nil {
			return p.fail(ReasonInvalid, mapsSection,
				"two arenas, %q and %q: an object may have one", p.o.Arena.Name, m.Name)
		}
		p.o.Arena = m
	}
	i := p.sectionOf(secArena)
	if i == 0 {
		return nil
	}
	s := &p.f.Sections[i]
	if p.o.Arena == nil {
		return p.fail(ReasonNotFound, s.Name,
			"arena variables without a map of type BPF_MAP_TYPE_ARENA")
	}
	b, err := p.data(s)
	if err != nil {
		return err
	}
	if p.o.ArenaData, err = p.copyOf(s.Name, b); err != nil {
		return err
	}
	p.addVars(p.o.Arena, s.Name, uint64(len(b)))
	return nil
}
