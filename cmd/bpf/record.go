package main

import (
	"fmt"
	"strings"

	"github.com/purebpf/bpf/btf"
)

// A ring buffer's definition does not say what its records are. What a record is, is decided by these rules, in this order:
//
//  1. --type MAP=STRUCT (or --type STRUCT for all rings) says so;
//  2. a struct of the object whose size is the record's and whose name is the map's, "event", "data_t", or contains "event";
//  3. otherwise the bytes are printed.
//
// Two structs that fit rule 2 equally well are no answer: the bytes are printed, and a note names both.

// recordTypes finds types of records by map and size.
type recordTypes struct {
	spec   *btf.Spec
	named  map[string]btf.ID // by map name, "" for every map
	bySize map[uint64][]btf.ID
	chosen map[recordKey]recordChoice
}

type recordKey struct {
	stream string
	size   int
}

type recordChoice struct {
	id   btf.ID // 0: none
	note string // why none, if there is a reason worth a line
}

func newRecordTypes(s *btf.Spec, flags []string) (*recordTypes, error) {
	r := &recordTypes{spec: s, named: map[string]btf.ID{}, chosen: map[recordKey]recordChoice{}}
	for _, f := range flags {
		name, typ, ok := strings.Cut(f, "=")
		if !ok {
			name, typ = "", f
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
			return nil, fmt.Errorf("--type %s: the object's BTF has no struct or typedef %q", f, typ)
		}
		r.named[name] = id
	}
	return r, nil
}

// of returns the type of a record of size bytes from stream, and once per stream and size a note if there is something to say.
func (r *recordTypes) of(stream string, size int) (btf.ID, string) {
	if id, ok := r.named[stream]; ok {
		return id, ""
	}
	if id, ok := r.named[""]; ok {
		return id, ""
	}
	if r.spec == nil {
		return 0, ""
	}
	key := recordKey{stream, size}
	if c, ok := r.chosen[key]; ok {
		return c.id, ""
	}
	c := r.choose(stream, size)
	r.chosen[key] = c
	return c.id, c.note
}

func (r *recordTypes) choose(stream string, size int) recordChoice {
	if r.bySize == nil {
		r.bySize = map[uint64][]btf.ID{}
		for id := btf.ID(1); id < r.spec.Len(); id++ {
			if t, ok := r.spec.Type(id); ok && t.Kind() == btf.KindStruct && t.Name() != "" {
				r.bySize[uint64(t.Size())] = append(r.bySize[uint64(t.Size())], id)
			}
		}
	}
	var best []btf.ID
	rank := 0
	// The kernel rounds perf samples up to 8 bytes with the header: a struct up to 7 bytes shorter may be meant.
	for slack := 0; slack < 8 && len(best) == 0; slack++ {
		for _, id := range r.bySize[uint64(size-slack)] {
			t, _ := r.spec.Type(id)
			n := recordRank(stream, t.Name())
			if n == 0 || n < rank {
				continue
			}
			if n > rank {
				rank, best = n, best[:0]
			}
			best = append(best, id)
		}
	}
	switch len(best) {
	case 0:
		return recordChoice{note: fmt.Sprintf("%s: no struct of %d bytes in the object's BTF looks like its record; if it has another name use --type %s=STRUCT, "+
			"if it is not there, a global `const struct event *unused` in the C source puts it there", stream, size, stream)}
	case 1:
		return recordChoice{id: best[0]}
	}
	a, _ := r.spec.Type(best[0])
	b, _ := r.spec.Type(best[1])
	return recordChoice{note: fmt.Sprintf("%s: struct %s and struct %s both fit its record of %d bytes; use --type %s=STRUCT", stream, a.Name(), b.Name(), size, stream)}
}

// recordRank says how well a struct's name fits a stream: 0 not at all.
func recordRank(stream, name string) int {
	switch {
	case name == stream || name+"s" == stream:
		return 3
	case name == "event" || name == "data_t":
		return 2
	case strings.Contains(name, "event"):
		return 1
	}
	return 0
}
