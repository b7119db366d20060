package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/purebpf/bpf/btf"
)

// The definition of a ring or perf buffer doesn't say what its records are. A type is used for
// records only if the user or the program declares it, and only if it has the record's size:
//
//  1. --type MAP=STRUCT, or --type STRUCT for all buffers;
//  2. a pointer called unused, unused_..., or ..._unused, which C sources declare only to get the
//     type of records into the object: const struct event *unused. If there are several declared
//     types, their sizes, and if there are several buffers, the names (struct event for a map event
//     or events), must leave only one.
//
// Otherwise the bytes are printed, with one note for each buffer. That a struct has the right size
// or a promising name proves nothing.

// recordTypes finds types of records by buffer and size.
type recordTypes struct {
	spec     *btf.Spec
	streams  []string          // all buffers of the object
	named    map[string]btf.ID // by --type: by buffer, "" for all
	declared []btf.ID
	told     map[string]bool // buffers with a note already printed
}

// record is one record: its buffer, and its size, which perf buffers round up.
type record struct {
	stream string
	size   int
	perf   bool
}

func newRecordTypes(s *btf.Spec, flags, streams []string) (*recordTypes, error) {
	r := &recordTypes{
		spec: s, streams: streams, named: map[string]btf.ID{}, declared: declaredTypes(s),
		told: map[string]bool{},
	}
	for _, f := range flags {
		name, typ, ok := strings.Cut(f, "=")
		if !ok {
			name, typ = "", f
		} else if !slices.Contains(streams, name) {
			err := fmt.Errorf("--type %s: the object has no ring or perf buffer %q", f, name)
			if near := withNear(err, name, streams...); near != err {
				return nil, near
			}
			return nil, fmt.Errorf("%w; it has %q", err, streams)
		}
		typ = strings.TrimPrefix(typ, "struct ")
		if s == nil {
			return nil, fmt.Errorf("--type %s: the object has no BTF", f)
		}
		id, found := s.FindByName(typ, btf.KindStruct)
		if !found {
			id, found = s.FindByName(typ, btf.KindTypedef)
		}
		if !found {
			return nil, withNear(
				fmt.Errorf("--type %s: the object's BTF has no struct or typedef %q", f, typ),
				typ, structNames(s)...)
		}
		if size, err := s.SizeOf(id); err != nil || size == 0 {
			return nil, fmt.Errorf("--type %s: %s has no size", f, typ)
		}
		r.named[name] = id
	}
	return r, nil
}

// declaredTypes returns the structs that pointers called unused point to.
func declaredTypes(s *btf.Spec) (list []btf.ID) {
	if s == nil {
		return nil
	}
	for id := btf.ID(1); id < s.Len(); id++ {
		v, ok := s.Type(id)
		if !ok || v.Kind() != btf.KindVar {
			continue
		}
		name := v.Name()
		if name != "unused" && !strings.HasPrefix(name, "unused_") &&
			!strings.HasSuffix(name, "_unused") {
			continue
		}
		pointer := s.Skip(v.Ref())
		if pointer.Kind() != btf.KindPtr {
			continue
		}
		to := pointer.Ref()
		if t := s.Skip(to); t.Kind() == btf.KindStruct && !slices.Contains(list, to) {
			list = append(list, to)
		}
	}
	return list
}

// structNames returns the valid names for --type.
func structNames(s *btf.Spec) (names []string) {
	for t := range s.Types() {
		if k := t.Kind(); (k == btf.KindStruct || k == btf.KindTypedef) && t.Name() != "" {
			names = append(names, t.Name())
		}
	}
	return names
}

// of returns the type of a record, 0 if it isn't known, and, once for each buffer, a note if there
// is one.
func (r *recordTypes) of(rec record) (btf.ID, string) {
	id, ok := r.named[rec.stream]
	if !ok {
		id, ok = r.named[""]
	}
	note := ""
	switch {
	case ok && r.couldBe(id, rec):
		return id, ""
	case ok:
		size, _ := r.spec.SizeOf(id)
		note = fmt.Sprintf("%s: --type %s is refused, it has %d bytes: records of %d bytes are "+
			"shown as bytes",
			rec.stream, r.spec.CString(id), size, rec.size)
	default:
		if id, note = r.choose(rec); id != 0 {
			return id, ""
		}
	}
	if r.told[rec.stream] {
		return 0, ""
	}
	r.told[rec.stream] = true
	return 0, note
}

// choose returns the only declared type that fits the record.
func (r *recordTypes) choose(rec record) (btf.ID, string) {
	var fit []btf.ID
	for _, id := range r.declared {
		name := r.spec.Skip(id).Name()
		if r.isOf(id, rec) &&
			(len(r.streams) == 1 || name == rec.stream || name+"s" == rec.stream) {
			fit = append(fit, id)
		}
	}
	why := "nothing in the object says what they are"
	switch {
	case len(fit) == 1:
		return fit[0], ""
	case len(fit) > 1:
		why = fmt.Sprintf("%s and %s both are declared and fit",
			r.spec.CString(fit[0]), r.spec.CString(fit[1]))
	case r.spec == nil:
		return 0, fmt.Sprintf("%s: records are shown as bytes: the object has no BTF", rec.stream)
	}
	return 0, fmt.Sprintf("%s: records are shown as bytes: %s; --type %s=STRUCT decodes them",
		rec.stream, why, rec.stream)
}

// isOf reports whether a record has a type's size, which perf buffers round up.
func (r *recordTypes) isOf(id btf.ID, rec record) bool {
	n, err := r.spec.SizeOf(id)
	size := uint64(rec.size)
	return err == nil && (size == uint64(n) || rec.perf && size == (uint64(n)+4+7)&^7-4)
}

// couldBe reports whether a record can be of a type: it has its size, or ends within an array at
// the type's end, of which programs send only the filled part.
func (r *recordTypes) couldBe(id btf.ID, rec record) bool {
	if r.isOf(id, rec) {
		return true
	}
	n, err := r.spec.SizeOf(id)
	t := r.spec.Skip(id)
	if err != nil || t.Kind() != btf.KindStruct || t.Vlen() == 0 {
		return false
	}
	last := t.Member(t.Vlen() - 1)
	array := r.spec.Skip(last.Type)
	if array.Kind() != btf.KindArray || uint64(rec.size) < uint64(last.BitOffset/8) {
		return false
	}
	flexible := array.Array().Nelems == 0 // its elements are not in the type's size
	return flexible || uint64(rec.size) < uint64(n)
}
