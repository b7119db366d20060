package mapview

import (
	"encoding/binary"
	"slices"
	"testing"
)

// TestLeaders: the keys that grow most lead, whatever they held before. Oracle: how the test makes
// them grow.
func TestLeaders(t *testing.T) {
	const entries = 100000
	l := NewLeaders(16, entries)
	counts := make([]uint64, entries)
	key := func(i int) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(i)) }
	for i := range counts {
		counts[i] = uint64(i) * 1000
	}
	pass := func() {
		for i, n := range counts {
			l.Add(key(i), n)
		}
		l.End()
	}
	pass()
	for i := entries - 16; i < entries; i++ {
		if !slices.Contains(l.Keys(), string(key(i))) {
			t.Errorf("after the first pass the largest number, %d, is not among the leaders", i)
		}
	}
	hot := []int{5, 7777, 55555, 99999}
	for range 8 {
		for _, i := range hot {
			counts[i] += 1 << 20
		}
		pass()
	}
	found := l.Keys()
	for _, i := range hot {
		if !slices.Contains(found, string(key(i))) {
			t.Errorf("key %d grew most and is not among the leaders", i)
		}
	}
	if len(found) > 16 {
		t.Errorf("%d leaders of at most 16", len(found))
	}
	// What falls leads no more, nor does what stands still.
	for _, i := range hot {
		counts[i] = 0
	}
	counts[9]++
	pass()
	counts[9]++
	pass()
	for _, i := range hot {
		if slices.Contains(l.Keys(), string(key(i))) {
			t.Errorf("key %d fell, and leads", i)
		}
	}
}
