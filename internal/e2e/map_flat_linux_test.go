package e2e

import (
	"runtime"
	"slices"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// TestFlat: a million lookups, updates and elements walked in batches leave the heap as it was, and
// no descriptor open. The oracles are the Go runtime's statistics and /proc/self/fd.
func TestFlat(t *testing.T) {
	const elements = 10000
	count := uint64(testkit.Sample(t, "operations of each kind", 1000000, 50000))
	if testing.Short() {
		count = elements
	}
	m := newMap(t, object.Map{Type: uapi.MapHash, KeySize: 8, ValueSize: 16, MaxEntries: elements})
	numbers, err := bpf.MapOf[uint64, [2]uint64](m)
	if err != nil {
		t.Fatal(err)
	}
	each, err := bpf.PerCPUMapOf[uint64, uint64](newMap(t, object.Map{Type: uapi.MapPerCPUHash,
		KeySize: 8, ValueSize: 8, MaxEntries: elements}))
	if err != nil {
		t.Fatal(err)
	}
	values := make([]uint64, each.CPUs())
	work := func(count uint64) {
		for i := range count {
			key := i % elements
			if err := numbers.Update(key, [2]uint64{i, ^i}, bpf.UpdateAny); err != nil {
				t.Fatal(err)
			}
			if v, err := numbers.Lookup(key); v != [2]uint64{i, ^i} || err != nil {
				t.Fatal(v, err)
			}
			values[0] = i
			if err := each.Update(key, values, bpf.UpdateAny); err != nil {
				t.Fatal(err)
			}
			if v, err := each.Lookup(key, values); v[0] != i || err != nil {
				t.Fatal(v, err)
			}
		}
		for n := uint64(0); n < count; {
			it := numbers.Iterate()
			for range it.All() {
				n++
			}
			if err := it.Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	work(elements) // what is allocated once
	descriptors := testkit.FDs()
	before := heap()
	work(count)
	after := heap()
	// A walk has buffers, which are garbage afterwards; nothing else allocates.
	walks := (count + elements - 1) / elements
	if n := after.Mallocs - before.Mallocs; n > 64*walks+1000 {
		t.Errorf("%d allocations for %d operations of each kind and %d walks", n, count, walks)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 256<<10 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if now := testkit.FDs(); !slices.Equal(now, descriptors) {
		t.Errorf("open descriptors: %q before, %q after", descriptors, now)
	}
}

// heap returns the statistics after garbage was collected.
func heap() (s runtime.MemStats) {
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s
}
