package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/mapview"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// tabular reports whether bpf run shows a map: its elements can be read and are meaningful by
// themselves.
func tabular(m *bpf.Map) bool {
	if !m.Created() || m.Kind() == object.MapRodata || m.Kind() == object.MapKconfig ||
		m.Kind() == object.MapStructOps {
		return false
	}
	if strings.HasPrefix(m.Name(), "__bpf_usdt_") {
		return false // where usdt.bpf.h finds the arguments of probes
	}
	switch m.Type() {
	case uapi.MapHash, uapi.MapArray, uapi.MapPerCPUHash, uapi.MapPerCPUArray, uapi.MapLRUHash,
		uapi.MapLRUPerCPUHash, uapi.MapLPMTrie:
		return m.KeyType() != 0 || m.ValueType() != 0
	}
	return false
}

// A map is read whole each time if it has at most maxElements elements that take maxBytes. Of a
// larger one only the leaders are read; a goroutine looks for them, and rests after each scanWork,
// scanShare times as long as that took.
const (
	maxElements = 4096
	maxBytes    = 1 << 20
	maxLeaders  = 128
	scanWork    = 2 * time.Millisecond
	scanShare   = 60
)

// sampler reads one map for its view.
type sampler struct {
	m        *bpf.Map
	view     *mapview.View
	scanning bool // scan was started

	mu      sync.Mutex
	leaders *mapview.Leaders // nil unless the map is large
	count   int              // elements of the last pass, or so far if there was none
	passed  bool
}

// isArray reports whether all elements of a map exist from the start.
func isArray(m *bpf.Map) bool {
	return m.Type() == uapi.MapArray || m.Type() == uapi.MapPerCPUArray
}

// element copies an element whose memory belongs to an iterator.
func element(m *bpf.Map, key, value []byte) mapview.Element {
	e := mapview.Element{Key: slices.Clone(key)}
	split(&e, m, slices.Clone(value))
	return e
}

// split cuts a value into those of the CPUs.
func split(e *mapview.Element, m *bpf.Map, value []byte) {
	stride := m.ValueSize()
	if m.ValueLen() != stride {
		stride = (stride + 7) &^ 7
	}
	e.Values = e.Values[:0]
	for at := 0; at+m.ValueSize() <= len(value) && stride > 0; at += stride {
		e.Values = append(e.Values, value[at:at+m.ValueSize()])
	}
}

func allZero(b []byte) bool {
	return !slices.ContainsFunc(b, func(x byte) bool { return x != 0 })
}

// sample reads the map, or the leaders of a large one.
func (s *sampler) sample() (mapview.Sample, error) {
	s.mu.Lock()
	large := s.leaders != nil
	s.mu.Unlock()
	if large {
		return s.leading()
	}
	now := mapview.Sample{Time: time.Now()}
	it := s.m.Iterate()
	seen, size := 0, max(s.m.KeySize()+s.m.ValueLen(), 1)
	for key, value := range it.All() {
		if seen++; len(now.Elements) == maxElements || seen > maxElements && seen*size > maxBytes {
			s.mu.Lock()
			s.leaders = mapview.NewLeaders(maxLeaders, s.m.MaxEntries())
			s.count = len(now.Elements)
			s.mu.Unlock()
			now.Cut, now.Count = true, len(now.Elements)
			return now, nil
		}
		if isArray(s.m) && allZero(value) {
			continue
		}
		now.Elements = append(now.Elements, element(s.m, key, value))
	}
	now.Count = len(now.Elements)
	err := it.Err()
	if errors.Is(err, bpf.ErrWalkInterrupted) {
		now.Cut, err = true, nil
	}
	return now, err
}

// leading reads the elements whose keys lead.
func (s *sampler) leading() (mapview.Sample, error) {
	s.mu.Lock()
	keys := s.leaders.Keys()
	now := mapview.Sample{Time: time.Now(), Partial: true, Cut: !s.passed, Count: s.count}
	s.mu.Unlock()
	for _, key := range keys {
		value, err := s.m.LookupBytes([]byte(key))
		if errors.Is(err, bpf.ErrNotExist) {
			continue // deleted since
		}
		if err != nil {
			return now, err
		}
		e := mapview.Element{Key: []byte(key)}
		split(&e, s.m, value)
		now.Elements = append(now.Elements, e)
	}
	return now, nil
}

// large reports whether the map needs a scan.
func (s *sampler) large() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaders != nil
}

// scan looks for the leaders until ctx ends, pass after pass.
func (s *sampler) scan(ctx context.Context) error {
	for ctx.Err() == nil {
		began, looked, seen := time.Now(), 0, 0
		var e mapview.Element
		it := s.m.Iterate()
		for key, value := range it.All() {
			looked++
			if !isArray(s.m) || !allZero(value) {
				seen++
				split(&e, s.m, value)
				e.Key = key
				s.mu.Lock()
				s.leaders.Add(key, s.view.Score(e))
				if !s.passed {
					s.count = max(s.count, seen)
				}
				s.mu.Unlock()
			}
			if looked%64 != 0 {
				continue
			}
			if worked := time.Since(began); worked > scanWork {
				if !rest(ctx, worked) {
					return nil
				}
				began = time.Now()
			}
		}
		if err := it.Err(); err != nil && !errors.Is(err, bpf.ErrWalkInterrupted) {
			return err
		}
		s.mu.Lock()
		s.leaders.End()
		s.count, s.passed = seen, true
		s.mu.Unlock()
		if !rest(ctx, max(time.Since(began), scanWork)) {
			return nil
		}
	}
	return nil
}

// rest waits after work, and reports whether ctx still goes on.
func rest(ctx context.Context, worked time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(min(worked, 10*scanWork) * scanShare): // worked may count a stop by Ctrl-Z
		return true
	}
}
