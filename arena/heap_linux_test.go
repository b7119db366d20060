package arena_test

import (
	"errors"
	"math"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/arena"
)

var pageSize = os.Getpagesize()

// start returns the address of the arena.
func start[T any](m *bpf.Map) arena.Ptr[T] {
	return arena.Ptr[T](uintptr(unsafe.Pointer(unsafe.SliceData(m.Memory()))))
}

func newHeap(t testing.TB, obj *bpf.Object) *arena.Heap {
	t.Helper()
	h, err := arena.NewHeap(obj.Map("arena"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// TestHeap allocates places of all sizes beside a program that allocates, too. The oracles are the
// program, whose list stays whole, and the places, each of which keeps what was written to it.
func TestHeap(t *testing.T) {
	obj := load(t, 0)
	h := newHeap(t, obj)
	sizes := []int{1, 8, 9, 16, 100, 1000, pageSize / 2, pageSize/2 + 1, pageSize, 3*pageSize + 1}
	places := map[arena.Ptr[byte]]int{}
	err := arena.Walk(obj.Map("arena"), func(w *arena.Walker) error {
		for round := range 300 {
			size := sizes[round%len(sizes)]
			p, err := arena.Make[byte](h, size)
			if err != nil {
				return err
			}
			if places[p] != 0 || p%8 != 0 {
				t.Errorf("%v is in use or not aligned", p)
			}
			places[p] = size
			memory, err := p.Slice(w, size)
			if err != nil {
				return err
			}
			for i := range memory {
				if memory[i] != 0 {
					t.Fatalf("byte %d at %v is not 0", i, p)
				}
				memory[i] = byte(p >> 3)
			}
			run(t, obj, "push", 10)
			if round%3 == 0 { // give one back, which is then found again as zeroes
				for q := range places {
					if err := arena.Free(h, q); err != nil {
						return err
					}
					delete(places, q)
					break
				}
			}
		}
		for p, size := range places {
			memory, err := p.Slice(w, size)
			if err != nil {
				return err
			}
			for i := range memory {
				if memory[i] != byte(p>>3) {
					t.Fatalf("byte %d of %d at %v has changed", i, size, p)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := run(t, obj, "sum", 0); r.Count != 3000 || r.Sum != 3000*3001/2 {
		t.Errorf("the program's list: %+v", r)
	}
	for p := range places {
		if err := arena.Free(h, p); err != nil {
			t.Errorf("free %v: %v", p, err)
		}
	}
}

// TestFreedPages: pages go back to programs. Oracle: the program, which takes all pages that there
// are, those that were freed included.
func TestFreedPages(t *testing.T) {
	obj := load(t, 0)
	h := newHeap(t, obj)
	var places []arena.Ptr[[64]byte]
	for range 64 * pageSize / 64 {
		p, err := arena.New[[64]byte](h)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, p)
	}
	big, err := arena.Make[byte](h, 100*pageSize)
	if err != nil {
		t.Fatal(err)
	}
	taken := run(t, obj, "fill", 0).Count
	if _, err := arena.Make[byte](h, pageSize); !errors.Is(err, syscall.ENOMEM) {
		t.Errorf("no page is left: %v", err)
	}
	for _, p := range places {
		if err := arena.Free(h, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := arena.Free(h, big); err != nil {
		t.Fatal(err)
	}
	again := run(t, obj, "fill", 0).Count
	if again != 64-1+100 { // one page is kept for what comes next
		t.Errorf("%d pages were taken first, and %d of the 164 that were freed", taken, again)
	}
}

// TestHeapMisuse: wrong pointers, twice freed ones and sizes that don't fit are refused.
func TestHeapMisuse(t *testing.T) {
	obj := load(t, 0)
	h := newHeap(t, obj)
	p, err := arena.New[node](h)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []arena.Ptr[node]{p + 1, p + 16, p + arena.Ptr[node](pageSize), 8, ^p} {
		if err := arena.Free(h, wrong); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("free %v: %v", wrong, err)
		}
	}
	// the lower half is sufficient
	if err := errors.Join(arena.Free(h, p&0xffff_ffff), arena.Free[node](h, 0)); err != nil {
		t.Error(err)
	}
	if err := arena.Free(h, p); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "not in use") {
		t.Errorf("free twice: %v", err)
	}
	for _, n := range []int{0, -1, math.MaxInt / 64, math.MaxInt} {
		if _, err := arena.Make[node](h, n); !errors.Is(err, syscall.ENOMEM) &&
			!errors.Is(err, syscall.EINVAL) {
			t.Errorf("%d nodes: %v", n, err)
		}
	}
	if _, err := arena.New[string](h); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a string: %v", err)
	}
	for what, none := range map[string]*arena.Heap{"nil": nil, "zero": {}} {
		if _, err := arena.New[node](none); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("New in a %s heap: %v", what, err)
		}
		if err := arena.Free(none, p); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("Free in a %s heap: %v", what, err)
		}
		if err := none.Close(); err != nil {
			t.Errorf("Close of a %s heap: %v", what, err)
		}
	}
	h.Close()
	if _, err := arena.New[node](h); !errors.Is(err, bpf.ErrClosed) {
		t.Errorf("New after Close: %v", err)
	}
	if err := arena.Free(h, p); !errors.Is(err, bpf.ErrClosed) {
		t.Errorf("Free after Close: %v", err)
	}
}

// TestHeapGoroutines: the oracle is the race detector, and that no place is given out twice.
func TestHeapGoroutines(t *testing.T) {
	obj := load(t, 0)
	h := newHeap(t, obj)
	var inUse sync.Map
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				p, err := arena.New[node](h)
				if err != nil {
					t.Error(err)
					return
				}
				if _, there := inUse.LoadOrStore(p, true); there {
					t.Errorf("%v is given out twice", p)
				}
				inUse.Delete(p)
				if err := arena.Free(h, p); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
