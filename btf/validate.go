package btf

import "fmt"

// Validate checks what [Parse] does not: every string offset and every type id of the spec's own
// types, and that FUNCs refer to FUNC_PROTOs (libbpf does so when it parses, except for the return
// type of a FUNC_PROTO). The error is a [*FormatError].
func (s *Spec) Validate() error {
	count, strEnd := uint32(s.Len()), uint64(s.strFirst)+uint64(len(s.strs))
	for t := range s.Types() {
		rec := t.Record()
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
	return nil
}
