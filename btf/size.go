package btf

import (
	"fmt"
	"math"
)

// maxDepth limits chains and nesting when sizes are computed, as in libbpf.
const maxDepth = 32

// Limits for AlignOf: libbpf has none, real types nest 40 deep, and a type may contain another type
// twice, which contains another twice, and so on.
const (
	maxLayoutDepth = 256
	maxLayoutSteps = 1 << 18
)

// PointerSize returns the size of a pointer in bytes (libbpf: btf__pointer_size): the one from
// [Spec.SetPointerSize], else the size of an INT named "long" or "unsigned long" in any of C's
// spellings, else 8.
func (s *Spec) PointerSize() uint32 {
	for b := s; b != nil; b = b.base {
		if n := b.ptrSize.Load(); n != 0 {
			return n
		}
	}
	n := s.guessPointerSize()
	s.ptrSize.Store(n)
	return n
}

func (s *Spec) guessPointerSize() uint32 {
	if s.base != nil {
		return s.base.PointerSize()
	}
	for i, off := 0, uint32(0); i < s.offs.n; i, off = i+1, s.after(i, off) {
		t := Type{spec: s, off: off, info: host.Uint32(s.types[off+4:])}
		if t.Kind() == KindInt && (t.Size() == 4 || t.Size() == 8) && isLong(t.Name()) {
			return t.Size()
		}
	}
	return 8
}

// isLong reports whether name is a spelling of long int.
func isLong(name string) bool {
	switch name {
	case "long", "long int", "int long",
		"unsigned long", "long unsigned", "unsigned long int", "unsigned int long",
		"long unsigned int", "long int unsigned", "int unsigned long", "int long unsigned":
		return true
	}
	return false
}

// SetPointerSize sets the size of a pointer, 4 or 8 (libbpf: btf__set_pointer_size). Call it before
// others use the Spec.
func (s *Spec) SetPointerSize(n uint32) error {
	if n != 4 && n != 8 {
		return fmt.Errorf("btf: pointer size %d is neither 4 nor 8", n)
	}
	s.ptrSize.Store(n)
	return nil
}

// SizeOf returns the size of a type in bytes, through typedefs, modifiers, VAR, DECL_TAG and arrays
// (libbpf: btf__resolve_size). Void, FWD, FUNC and FUNC_PROTO have none; for a size above 2^32-1
// the error is [ErrTooBig].
func (s *Spec) SizeOf(id ID) (uint64, error) {
	n := uint64(1)
	at := id
	for range maxDepth {
		t, ok := s.Type(at)
		if !ok {
			return 0, fmt.Errorf("btf: size of type [%d]: no type [%d]", id, at)
		}
		var size uint64
		switch k := t.Kind(); k {
		case KindInt, KindStruct, KindUnion, KindEnum, KindEnum64, KindDatasec, KindFloat:
			size = uint64(t.Size())
		case KindPtr:
			size = uint64(s.PointerSize())
		case KindTypedef, KindVolatile, KindConst, KindRestrict, KindVar, KindDeclTag, KindTypeTag:
			at = t.Ref()
			continue
		case KindArray:
			a := t.Array()
			if n *= uint64(a.Nelems); n > math.MaxUint32 {
				return 0, fmt.Errorf("btf: size of type [%d]: %d elements: %w", id, n, ErrTooBig)
			}
			at = a.Elem
			continue
		default:
			if at == 0 {
				return 0, fmt.Errorf("btf: type [%d] is void and has no size", id)
			}
			return 0, fmt.Errorf("btf: type [%d] is a %v and has no size", id, k)
		}
		if n *= size; n > math.MaxUint32 {
			return 0, fmt.Errorf("btf: size of type [%d]: %d bytes: %w", id, n, ErrTooBig)
		}
		return n, nil
	}
	return 0, fmt.Errorf("btf: size of type [%d]: more than %d types deep", id, maxDepth)
}

// Resolve strips typedefs, modifiers and VAR (libbpf: btf__resolve_type). Void and FWD are errors.
func (s *Spec) Resolve(id ID) (Type, error) {
	at := id
	for range maxDepth {
		t, ok := s.Type(at)
		if !ok {
			return Type{}, fmt.Errorf("btf: type [%d]: no type [%d]", id, at)
		}
		switch k := t.Kind(); {
		case k.IsModifier() || k == KindVar:
			at = t.Ref()
		case k == KindVoid || k == KindFwd:
			return Type{}, fmt.Errorf("btf: type [%d] resolves to %v [%d], which is incomplete",
				id, k, at)
		default:
			return t, nil
		}
	}
	return Type{}, fmt.Errorf("btf: type [%d]: more than %d types deep", id, maxDepth)
}

// AlignOf returns the alignment of a type in bytes (libbpf: btf__align_of): for a scalar its size
// but at most a pointer's, for a composite the largest of its members, or 1 if it is packed, that
// is if a member is misaligned or the size is not a multiple of the alignment.
func (s *Spec) AlignOf(id ID) (uint32, error) {
	w := aligner{spec: s, ptr: s.PointerSize(), steps: maxLayoutSteps}
	n, err := w.align(id, 0)
	if err != nil {
		return 0, fmt.Errorf("btf: alignment of type [%d]: %w", id, err)
	}
	return n, nil
}

type aligner struct {
	spec  *Spec
	ptr   uint32
	steps int
	done  map[ID]uint32 // of composites in composites, which may be visited repeatedly
}

func (w *aligner) align(id ID, depth int) (uint32, error) {
	for ; depth < maxLayoutDepth; depth++ {
		if w.steps--; w.steps < 0 {
			return 0, fmt.Errorf("more than %d members: %w", maxLayoutSteps, ErrTooBig)
		}
		t, ok := w.spec.Type(id)
		if !ok {
			return 0, fmt.Errorf("no type [%d]", id)
		}
		switch k := t.Kind(); k {
		case KindInt, KindEnum, KindEnum64, KindFloat:
			if t.Size() == 0 {
				return 0, fmt.Errorf("type [%d] has no size", id)
			}
			return min(t.Size(), w.ptr), nil
		case KindPtr:
			return w.ptr, nil
		case KindTypedef, KindVolatile, KindConst, KindRestrict, KindTypeTag:
			id = t.Ref()
		case KindArray:
			id = t.Array().Elem
		case KindStruct, KindUnion:
			if n, ok := w.done[id]; ok {
				return n, nil
			}
			n, err := w.composite(t, depth)
			if err == nil && depth > 0 {
				if w.done == nil {
					w.done = make(map[ID]uint32)
				}
				w.done[id] = n
			}
			return n, err
		default:
			return 0, fmt.Errorf("type [%d] is a %v", id, k)
		}
	}
	return 0, fmt.Errorf("more than %d types deep", maxLayoutDepth)
}

func (w *aligner) composite(t Type, depth int) (uint32, error) {
	most := uint32(1)
	for i := range t.Vlen() {
		m := t.Member(i)
		n, err := w.align(m.Type, depth+1)
		if err != nil {
			return 0, err
		}
		if m.BitSize == 0 && uint64(m.BitOffset)%(8*uint64(n)) != 0 {
			return 1, nil
		}
		most = max(most, n)
	}
	if t.Size()%most != 0 {
		return 1, nil
	}
	return most, nil
}
