package btf

import "strconv"

// AppendRaw appends the type as `bpftool btf dump` prints it: one line, "[7] INT 'char' size=1
// ...", and one for each element, each with a newline at the end.
//
// Names that would make the text much longer than the record are cut and end in "...".
func (t Type) AppendRaw(dst []byte) []byte {
	r := rawWriter{dst: dst, names: maxRawNames + 64*len(t.Record())}
	r.dst = append(strconv.AppendUint(append(r.dst, '['), uint64(t.id), 10), "] "...)
	r.dst = append(append(r.dst, t.Kind().String()...), ' ')
	r.name(t.Name())
	r.fields(t)
	r.dst = append(r.dst, '\n')
	for i := range t.elems() {
		r.dst = append(r.dst, '\t')
		r.first = true
		r.elem(t, i)
		r.dst = append(r.dst, '\n')
	}
	return r.dst
}

// AppendRawJSON appends the type as `bpftool -j btf dump` prints it: one JSON object.
func (t Type) AppendRawJSON(dst []byte) []byte {
	r := rawWriter{dst: append(dst, '{'), json: true, first: true,
		names: maxRawNames + 64*len(t.Record())}
	r.num("id", uint64(t.id))
	r.str("kind", t.Kind().String())
	r.name(t.Name())
	r.fields(t)
	if list := elemLists[t.Kind()&31]; list != "" {
		r.dst = append(append(append(r.dst, `,"`...), list...), `":[`...)
		for i := range t.elems() {
			if i > 0 {
				r.dst = append(r.dst, ',')
			}
			r.dst = append(r.dst, '{')
			r.first = true
			r.elem(t, i)
			r.dst = append(r.dst, '}')
		}
		r.dst = append(r.dst, ']')
	}
	return append(r.dst, '}')
}

// elemLists has the JSON names of the elements, by kind.
var elemLists = [32]string{
	KindStruct: "members", KindUnion: "members", KindEnum: "values", KindEnum64: "values",
	KindFuncProto: "params", KindDatasec: "vars",
}

// elems returns the number of elements, which is not Vlen for a FUNC.
func (t Type) elems() int {
	if kinds[t.Kind()].elem == 0 {
		return 0
	}
	return t.Vlen()
}

// maxRawNames is the maximum number of bytes of names for one type, plus 64 for each byte of its
// record.
const maxRawNames = 1 << 16

type rawWriter struct {
	dst   []byte
	names int // bytes of names that may still be written
	json  bool
	first bool // no field before this one
}

func (r *rawWriter) key(key string) {
	sep := byte(' ')
	if r.json {
		sep = ','
	}
	if !r.first {
		r.dst = append(r.dst, sep)
	}
	r.first = false
	if r.json {
		r.dst = append(append(append(r.dst, '"'), key...), `":`...)
	} else {
		r.dst = append(append(r.dst, key...), '=')
	}
}

func (r *rawWriter) num(key string, v uint64) {
	r.key(key)
	r.dst = strconv.AppendUint(r.dst, v, 10)
}

func (r *rawWriter) signed(key string, v int64) {
	r.key(key)
	r.dst = strconv.AppendInt(r.dst, v, 10)
}

func (r *rawWriter) str(key, v string) {
	r.key(key)
	if r.json {
		r.dst = appendJSONString(r.dst, []byte(v))
	} else {
		r.dst = append(r.dst, v...)
	}
}

func (r *rawWriter) name(name string) {
	if r.names -= len(name); r.names < 0 && len(name) > 16 {
		name = name[:16] + "..."
	}
	if name == "" {
		name = "(anon)"
	}
	if r.json {
		r.str("name", name)
		return
	}
	r.dst = append(append(append(r.dst, '\''), name...), '\'')
	r.first = false
}

func (r *rawWriter) fields(t Type) {
	switch t.Kind() {
	case KindInt:
		r.num("size", uint64(t.Size()))
		r.num("bits_offset", uint64(t.IntOffset()))
		r.num("nr_bits", uint64(t.IntBits()))
		r.str("encoding", t.IntEncoding().String())
	case KindPtr, KindTypedef, KindVolatile, KindConst, KindRestrict, KindTypeTag:
		r.num("type_id", uint64(t.Ref()))
	case KindArray:
		a := t.Array()
		r.num("type_id", uint64(a.Elem))
		r.num("index_type_id", uint64(a.Index))
		r.num("nr_elems", uint64(a.Nelems))
	case KindStruct, KindUnion, KindDatasec:
		r.num("size", uint64(t.Size()))
		r.num("vlen", uint64(t.Vlen()))
	case KindEnum, KindEnum64:
		encoding := "UNSIGNED"
		if t.KFlag() {
			encoding = "SIGNED"
		}
		r.str("encoding", encoding)
		r.num("size", uint64(t.Size()))
		r.num("vlen", uint64(t.Vlen()))
	case KindFwd:
		kind := "struct"
		if t.KFlag() {
			kind = "union"
		}
		r.str("fwd_kind", kind)
	case KindFunc:
		r.num("type_id", uint64(t.Ref()))
		r.str("linkage", t.Linkage().String())
	case KindFuncProto:
		r.num("ret_type_id", uint64(t.Ref()))
		r.num("vlen", uint64(t.Vlen()))
	case KindVar:
		r.num("type_id", uint64(t.Ref()))
		if !r.json {
			r.dst = append(r.dst, ',')
		}
		r.str("linkage", t.Linkage().String())
	case KindFloat:
		r.num("size", uint64(t.Size()))
	case KindDeclTag:
		r.num("type_id", uint64(t.Ref()))
		r.signed("component_idx", int64(t.Component()))
	}
}

func (r *rawWriter) elem(t Type, i int) {
	switch t.Kind() {
	case KindStruct, KindUnion:
		m := t.Member(i)
		r.name(m.Name)
		r.num("type_id", uint64(m.Type))
		r.num("bits_offset", uint64(m.BitOffset))
		if m.BitSize != 0 {
			r.num("bitfield_size", uint64(m.BitSize))
		}
	case KindEnum, KindEnum64:
		e := t.Enumerator(i)
		r.name(e.Name)
		if t.KFlag() {
			r.signed("val", e.Value)
		} else {
			r.num("val", uint64(e.Value))
		}
		if !r.json && t.Kind() == KindEnum64 {
			if !t.KFlag() {
				r.dst = append(r.dst, 'U')
			}
			r.dst = append(r.dst, "LL"...)
		}
	case KindFuncProto:
		p := t.Param(i)
		r.name(p.Name)
		r.num("type_id", uint64(p.Type))
	case KindDatasec:
		v := t.SecVar(i)
		r.num("type_id", uint64(v.Type))
		r.num("offset", uint64(v.Offset))
		r.num("size", uint64(v.Size))
		if vt, ok := t.spec.Type(v.Type); ok && !r.json {
			if k := vt.Kind(); k == KindVar || k == KindFunc {
				r.dst = append(append(append(r.dst, " ("...), k.String()...), " '"...)
				r.dst = append(append(r.dst, vt.Name()...), "')"...)
			}
		}
	}
}
