package object

import (
	"cmp"
	"math/rand"
	"slices"
	"testing"
)

// TestStable: the oracle is package slices.
func TestStable(t *testing.T) {
	type pair struct{ key, place int }
	random := rand.New(rand.NewSource(1))
	for range 2000 {
		list := make([]pair, random.Intn(40))
		for i := range list {
			list[i] = pair{random.Intn(1 + random.Intn(40)), i}
		}
		want := slices.Clone(list)
		slices.SortStableFunc(want, func(a, b pair) int { return cmp.Compare(a.key, b.key) })
		stable(len(list), func(i, j int) int { return cmp.Compare(list[i].key, list[j].key) },
			func(i, j int) { list[i], list[j] = list[j], list[i] })
		if !slices.Equal(list, want) {
			t.Fatalf("got  %v\nwant %v", list, want)
		}
	}
}
