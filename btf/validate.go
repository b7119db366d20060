package btf

import "fmt"

// Validate checks what [Parse] does not: every string offset and every type id of the spec's own
// types, and that FUNCs refer to FUNC_PROTOs (libbpf does so when it parses, except for the return
// type of a FUNC_PROTO). The error is a [*FormatError].
func (s *Spec) Validate() error {
	if s.validated.Load() {
		return nil
	}
	count, strEnd := uint32(s.Len()), uint64(s.strFirst)+uint64(len(s.strs))
	for t := range s.Types() {
		rec := t.Record()
		if validRecord(rec, count, strEnd) && t.Kind() != KindFunc {
			continue
		}
		var err error
		fail := func(at int, format string, args ...any) {
			if err == nil {
				err = &FormatError{Section: "types", Offset: uint64(t.off) + uint64(at), Type: t.id,
					Msg: fmt.Sprintf(format, args...)}
			}
		}
		eachWord(rec, func(at int, isID bool) {
			switch v := host.Uint32(rec[at:]); {
			case isID && v >= count:
				fail(at, "%v refers to type [%d] of %d", t.Kind(), v, count)
			case !isID && v != 0 && uint64(v) >= strEnd:
				fail(at, "%v has a string at offset %d of %d", t.Kind(), v, strEnd)
			}
		})
		if err == nil && t.Kind() == KindFunc {
			if proto, _ := s.Type(t.Ref()); proto.Kind() != KindFuncProto {
				fail(8, "FUNC refers to [%d], a %v instead of a FUNC_PROTO", t.Ref(), proto.Kind())
			}
		}
		if err != nil {
			return err
		}
	}
	s.validated.Store(true)
	return nil
}

// checkKnown is Validate that also refuses kinds that only a kind layout describes.
func (s *Spec) checkKnown() error {
	if err := s.Validate(); err != nil || s.kindLayout() == nil {
		return err
	}
	for t := range s.Types() {
		if kinds[t.Kind()].size == 0 {
			return &FormatError{Section: "types", Offset: uint64(t.off), Type: t.id,
				Msg: t.Kind().String(), Err: ErrUnknownKind}
		}
	}
	return nil
}

// validRecord reports whether a record refers only to types below count and to strings before
// strEnd.
func validRecord(rec []byte, count uint32, strEnd uint64) bool {
	isString := func(v uint32) bool { return v == 0 || uint64(v) < strEnd }
	row := &kinds[recordKind(rec)]
	ok := isString(word(rec, 0))
	for w := 2; row.ids>>w != 0; w++ {
		ok = ok && (row.ids>>w&1 == 0 || word(rec, w) < count)
	}
	if row.elemStrs|row.elemIDs == 0 {
		return ok
	}
	for rec = rec[row.size:]; len(rec) > 0; rec = rec[row.elem:] {
		v := word(rec, 0)
		ok = ok && (row.elemStrs&1 == 0 || isString(v)) && (row.elemIDs&1 == 0 || v < count) &&
			(row.elemIDs&2 == 0 || word(rec, 1) < count)
	}
	return ok
}
