package records

import (
	"math"
	"slices"

	"github.com/purebpf/bpf/btf"
)

// Fit is what is known about one record by its size.
type Fit struct {
	Type btf.ID // 0 if it is not known
	Spec *btf.Spec
	Rank Rank
	// Programs are those that may have made the record.
	Programs []string
	// Fields are what all of these write at the same place, if Type is 0.
	Fields []Field
	// Rivals are the types between which nothing decides.
	Rivals []btf.ID
}

// Fit returns what is known about a record of n bytes. If it may come from several places, all must
// agree.
func (s *Stream) Fit(n int) Fit {
	var f Fit
	if s.Gap != "" {
		return f
	}
	var from []*Source
	for i := range s.Sources {
		if x := &s.Sources[i]; x.makes(uint64(n), s.Perf) {
			from = append(from, x)
			if !slices.Contains(f.Programs, x.Program) {
				f.Programs = append(f.Programs, x.Program)
			}
		}
	}
	for i, x := range from {
		if i == 0 {
			f.Type, f.Spec, f.Rank = x.Type, x.Spec, x.Rank
			f.Rivals, f.Fields = x.Rivals, slices.Clone(x.Fields)
			continue
		}
		f.Rank = min(f.Rank, x.Rank)
		f.Fields = slices.DeleteFunc(f.Fields, func(y Field) bool {
			return !slices.Contains(x.Fields, y)
		})
		if x.Type != 0 && from[0].Type != 0 && !x.same(from[0]) {
			f.Rivals = append(f.Rivals[:len(f.Rivals):len(f.Rivals)], x.Type)
		}
		if !x.same(from[0]) {
			f.Type = 0
		}
	}
	if f.Type == 0 && len(from) > 0 && from[0].Type != 0 && len(f.Rivals) > 0 {
		f.Rivals = append([]btf.ID{from[0].Type}, f.Rivals...)
	}
	if f.Type != 0 {
		f.Fields, f.Rivals = nil, nil
	} else {
		f.Rank = Unknown
	}
	return f
}

// makes reports whether a record of n bytes may come from a source. Perf buffers round up, so that
// a record with the 4 bytes of its size takes a multiple of 8.
func (x *Source) makes(n uint64, perf bool) bool {
	if n < x.Min || x.Max == NoLimit || x.Tail {
		return n >= x.Min
	}
	if !perf {
		return n <= x.Max
	}
	most := Padded(x.Max)
	if x.Min == x.Max {
		return n == x.Max || n == most
	}
	return n <= most
}

// Padded returns the number of bytes that a perf buffer passes on for a record of n bytes.
func Padded(n uint64) uint64 {
	if n > math.MaxUint32 {
		return n
	}
	return (n+4+7)&^7 - 4
}
