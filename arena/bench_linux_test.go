package arena_test

import (
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/arena"
	"github.com/purebpf/bpf/internal/testkit"
)

// BenchmarkList walks a list of a million nodes that a program built; ns/node is what counts.
// bench/ compares it with C.
func BenchmarkList(b *testing.B) {
	testkit.Root(b)
	testkit.Kernel(b, "6.9") // arenas
	testkit.LittleEndian(b)
	const million = 1_000_000
	o, err := bpf.Open("testdata/arena.bpf.o", nil)
	if err != nil {
		b.Fatal(err)
	}
	o.Map("arena").MaxEntries = 8192
	obj, err := bpf.Load(o, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer obj.Close()
	for range 100 {
		run(b, obj, "push", million/100)
	}
	first := root[node](b, obj, "first").Load()
	b.ReportAllocs()
	for b.Loop() {
		err := arena.Walk(obj.Map("arena"), func(w *arena.Walker) error {
			sum := uint64(0)
			for n, err := range arena.List(w, first, (*node).next) {
				if err != nil {
					return err
				}
				sum += n.Value
			}
			if sum != million*(million+1)/2 {
				b.Errorf("sum %d", sum)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/million, "ns/node")
}
