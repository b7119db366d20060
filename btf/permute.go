package btf

import (
	"fmt"
	"slices"
	"strings"
)

// Permute gives the types new ids: ids has those of the Builder's own types, in their order. It
// returns x, which may be nil, with its ids changed accordingly (libbpf: btf__permute). Each id
// from FirstID up to, but not including, Len must occur once.
func (b *Builder) Permute(ids []ID, x *Ext) (*Ext, error) {
	if b.err == nil {
		x, b.err = b.permute(ids, x)
	}
	if b.err != nil {
		return nil, b.err
	}
	return x, nil
}

// SortByName is Permute that sorts the types by name, those without a name first and types of the
// same name in their order. New kernels and libbpf search such BTF by bisection.
func (b *Builder) SortByName(x *Ext) (*Ext, error) {
	s, err := b.Spec()
	if err != nil {
		return nil, err
	}
	sorted := make([]ID, len(b.offs))
	for i := range sorted {
		sorted[i] = b.first + ID(i)
	}
	slices.SortStableFunc(sorted, func(m, n ID) int {
		x, _ := s.Type(m)
		y, _ := s.Type(n)
		return strings.Compare(x.Name(), y.Name())
	})
	ids := make([]ID, len(sorted))
	for i, id := range sorted {
		ids[id-b.first] = b.first + ID(i)
	}
	return b.Permute(ids, x)
}

func (b *Builder) permute(ids []ID, x *Ext) (*Ext, error) {
	if len(ids) != len(b.offs) {
		return nil, fmt.Errorf("btf: permute: %d ids for %d types", len(ids), len(b.offs))
	}
	s, err := b.Spec()
	if err == nil {
		err = s.checkKnown()
	}
	if err == nil && x != nil {
		err = x.validate(s)
	}
	if err != nil {
		return nil, err
	}
	all := make([]ID, b.Len()) // new ids
	old := make([]ID, len(ids))
	for id := range all[:b.first] {
		all[id] = ID(id)
	}
	for i, id := range ids {
		if id < b.first || id >= b.Len() || old[id-b.first] != 0 {
			return nil, fmt.Errorf(
				"btf: permute: id %d of type [%d] is not one of [%d] to [%d], or occurs twice", id,
				b.first+ID(i), b.first, b.Len()-1)
		}
		old[id-b.first] = b.first + ID(i)
		all[b.first+ID(i)] = id
	}
	types, offs := make([]byte, 0, len(b.types)), make([]uint32, len(ids))
	for i, id := range old {
		t, _ := s.Type(id)
		offs[i] = uint32(len(types))
		types = append(types, t.Record()...)
		renumber(types[offs[i]:], all)
	}
	b.types, b.offs, b.shared = types, offs, false
	if x == nil {
		return nil, nil
	}
	x = x.clone()
	x.eachID(func(w []byte) { host.PutUint32(w, uint32(all[host.Uint32(w)])) })
	return x, nil
}

// AddLayout adds the section that describes the layout of all kinds, so that readers can skip those
// that they don't know (libbpf: add_layout of btf_new_opts). Kernels before 7.0 refuse BTF with it.
func (b *Builder) AddLayout() {
	layout := make([]byte, 0, layoutEntry*(int(KindEnum64)+1))
	for k := KindVoid; k <= KindEnum64; k++ {
		row := &kinds[k]
		layout = append(layout, max(row.size, headSize)-headSize, row.elem, 0, 0)
	}
	b.layout = layout
}
