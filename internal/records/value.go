package records

import (
	"math"

	"github.com/purebpf/bpf/btf"
)

// kind is what the analysis knows about the contents of a register.
type kind uint8

const (
	unknown  kind = iota
	scalar        // a number in lo..hi
	pointer       // the address of a byte of a region
	mapRef        // the address of a map
	funcRef       // the address of a subprogram
	dynptr        // the contents of a struct bpf_dynptr: a region
	numKinds = iota
)

// Properties of a value.
const (
	fixed  uint8 = 1 << iota // pointer: off is the offset; without it the offset varies
	loaded                   // scalar: read from memory, so it may be several fields at once
	masked                   // scalar: made by and, or, xor, as bit fields are
	inner                    // mapRef: a map in the map; pointer: a slot of a map of maps
)

// value is the contents of a register or of 8 bytes of the stack.
type value struct {
	kind   kind
	flags  uint8
	ref    int32 // pointer, dynptr: region; mapRef: map; funcRef: function; scalar: CO-RE local type
	off    int32 // pointer, dynptr
	lo, hi uint64
}

func constant(v uint64) value { return value{kind: scalar, lo: v, hi: v} }

func between(lo, hi uint64) value { return value{kind: scalar, lo: lo, hi: hi} }

// number is a scalar of which nothing is known.
func number() value { return between(0, math.MaxUint64) }

// ofWidth is a number of some bytes that was read from memory.
func ofWidth(width int) value {
	v := number()
	if width < 8 {
		v.hi = 1<<(8*width) - 1
	}
	v.flags = loaded
	return v
}

func pointerTo(region int32, off int32) value {
	return value{kind: pointer, flags: fixed, ref: region, off: off}
}

func (v value) isConst() bool { return v.kind == scalar && v.lo == v.hi }

// bounds returns the range of a number, everything for what is not one.
func (v value) bounds() (lo, hi uint64) {
	if v.kind != scalar {
		return 0, math.MaxUint64
	}
	return v.lo, v.hi
}

// localType returns the type whose offset a CO-RE relocation wrote, 0 if there is none.
func (v value) localType() btf.ID {
	if v.kind != scalar {
		return 0
	}
	return btf.ID(v.ref)
}

// join returns a value that covers both. The null of a pointer that may be null is left out.
func join(a, b value) value {
	switch {
	case a == b:
		return a
	case a.kind == scalar && b.kind == scalar:
		v := between(min(a.lo, b.lo), max(a.hi, b.hi))
		v.flags = a.flags | b.flags
		if a.ref == b.ref {
			v.ref = a.ref
		}
		return v
	case a.kind == pointer && b.isConst() && b.lo == 0:
		return a
	case b.kind == pointer && a.isConst() && a.lo == 0:
		return b
	case a.kind == pointer && b.kind == pointer && a.ref == b.ref:
		a.flags &^= fixed
		a.off = min(a.off, b.off)
		return a
	}
	return value{}
}

// add returns v + w.
func add(v, w value) value {
	if w.kind == pointer {
		v, w = w, v
	}
	switch {
	case v.kind == pointer && w.isConst():
		off := int64(v.off) + int64(w.lo)
		if off != int64(int32(off)) {
			return value{}
		}
		v.off = int32(off)
		return v
	case v.kind == pointer && w.kind == scalar:
		v.flags &^= fixed
		return v
	case v.kind != scalar || w.kind != scalar:
		return value{}
	case v.hi > math.MaxUint64-w.hi:
		if v.isConst() && w.isConst() {
			return constant(v.lo + w.lo)
		}
		// A constant that is negative lowers both ends, if neither passes zero.
		if w.isConst() && -w.lo <= v.lo {
			return between(v.lo+w.lo, v.hi+w.lo)
		}
		if v.isConst() && -v.lo <= w.lo {
			return between(v.lo+w.lo, w.hi+v.lo)
		}
		return number()
	}
	return between(v.lo+w.lo, v.hi+w.hi)
}

// truncate returns the low 32 bits of a value.
func truncate(v value) value {
	switch {
	case v.kind != scalar:
		return between(0, math.MaxUint32)
	case v.hi <= math.MaxUint32:
		return v
	case v.isConst():
		v.lo &= math.MaxUint32
		v.hi = v.lo
		return v
	}
	v.lo, v.hi = 0, math.MaxUint32
	return v
}
