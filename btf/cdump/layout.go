package cdump

import (
	"math"

	"github.com/purebpf/bpf/btf"
)

// alignOf returns the alignment of a type in bytes (libbpf btf__align_of), 0 if it has none. It
// keeps the results, so that shared members are visited once.
func (d *Dumper) alignOf(id btf.ID, depth int) uint32 {
	t, ok := d.spec.Type(id)
	if !ok || depth > maxDepth {
		return 0
	}
	s := &d.states[id]
	if s.align != 0 {
		return uint32(s.align) & 0x7f
	}
	n := uint32(0)
	switch t.Kind() {
	case btf.KindInt, btf.KindEnum, btf.KindEnum64, btf.KindFloat:
		n = min(t.Size(), d.ptrSize)
	case btf.KindPtr:
		n = d.ptrSize
	case btf.KindTypedef, btf.KindVolatile, btf.KindConst, btf.KindRestrict, btf.KindTypeTag:
		n = d.alignOf(t.Ref(), depth+1)
	case btf.KindArray:
		n = d.alignOf(t.Array().Elem, depth+1)
	case btf.KindStruct, btf.KindUnion:
		s.align = 0x80 // ends a cycle
		n = d.compositeAlign(t, depth)
	}
	s.align = uint8(n) | 0x80
	return n
}

// compositeAlign returns the greatest alignment of the members, or 1 if the type is packed: if a
// member is misaligned or the size isn't a multiple of the alignment.
func (d *Dumper) compositeAlign(t btf.Type, depth int) uint32 {
	most := uint32(1)
	for i := range t.Vlen() {
		m := t.Member(i)
		n := d.alignOf(m.Type, depth+1)
		if n == 0 {
			return 0
		}
		if m.BitSize == 0 && m.BitOffset%(8*n) != 0 {
			return 1
		}
		most = max(most, n)
	}
	if t.Size()%most != 0 {
		return 1
	}
	return most
}

// isPacked reports whether a struct has the layout that only the packed attribute gives.
func (d *Dumper) isPacked(t btf.Type) bool {
	if align := d.alignOf(t.ID(), 0); align != 0 && t.Size()%align != 0 {
		return true
	}
	most := uint32(1)
	for i := range t.Vlen() {
		m := t.Member(i)
		n := d.alignOf(m.Type, 0)
		if n == 0 {
			continue
		}
		if m.BitSize == 0 && m.BitOffset%(8*n) != 0 {
			return true
		}
		most = max(most, n)
	}
	return t.Size()%most != 0
}

// padType is a type of a bit field that fills a gap.
type padType struct {
	name string
	bits uint64
}

// pads returns the types that fill gaps, largest first.
func (d *Dumper) pads() [4]padType {
	return [...]padType{{"long", uint64(d.ptrSize) * 8}, {"int", 32}, {"short", 16}, {"char", 8}}
}

// pad fills the gap between the members that end at bit from and start at bit to with unnamed bit
// fields. It leaves to the compiler what the alignment of the next member makes it skip anyway.
//
// The largest type with a boundary inside the gap comes first. "long: 0" moves to that boundary;
// it is needed if the next member starts there but could start earlier, or if a full "long: 64"
// after it would otherwise fit before the boundary. Between bit fields the bits are counted
// instead. Whole units of the type follow, and at the end the smallest type that holds the rest.
func (d *Dumper) pad(from, to uint64, nextAlign uint32, inBits bool, level int) {
	if from >= to {
		return
	}
	pads := d.pads()
	unit, boundary := pads[3], to+1
	for _, p := range pads {
		if b := roundUp(from, p.bits); b <= to {
			unit, boundary = p, b
			break
		}
	}
	if boundary > from && boundary <= to {
		natural := roundUp(from, uint64(nextAlign)*8) == boundary
		switch {
		case inBits:
			d.padField(unit.name, boundary-from, level)
		case boundary == to && !natural, boundary != to && to-boundary <= boundary-from:
			d.padField(unit.name, 0, level)
		}
		from = boundary
	}
	for from < to {
		rest := to - from
		if rest >= unit.bits {
			d.padField(unit.name, unit.bits, level)
			from += unit.bits
			if uint64(len(d.out))+d.written > d.limit {
				return // Type reports it
			}
			continue
		}
		for i := len(pads) - 1; i >= 0; i-- {
			if pads[i].bits >= rest {
				d.padField(pads[i].name, rest, level)
				break
			}
		}
		return
	}
}

func (d *Dumper) padField(name string, bits uint64, level int) {
	d.line(level)
	d.str(name)
	d.str(": ")
	d.num(bits)
	d.out = append(d.out, ';')
}

// roundUp returns the first multiple of unit at or after n, and n itself if unit is 0.
func roundUp(n, unit uint64) uint64 {
	if unit == 0 || n > math.MaxUint64-unit {
		return n
	}
	return (n + unit - 1) / unit * unit
}
