package userringbuf

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/purebpf/bpf"
)

// TestSampleCopies ends samples through one copy and then through others, which must be refused,
// even when the ring has wrapped around and the room belongs to another sample. The oracle is the
// program in testdata/drain.bpf.c, which receives each submitted sample once and whole and none
// that was discarded or is still busy.
func TestSampleCopies(t *testing.T) {
	obj := loadRing(t, 4096)
	w := newTestWriter(t, obj)
	var old []Sample // ended before, through another copy
	for lap := range 200 {
		s, err := w.Reserve(1000)
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.Data {
			s.Data[i] = byte(lap + i)
		}
		var want drained
		for i := range old {
			if err := old[i].Discard(); !errors.Is(err, ErrEnded) {
				t.Fatalf("lap %d: a copy of an earlier sample is discarded: %v", lap, err)
			}
			if err := old[i].Submit(); !errors.Is(err, ErrEnded) {
				t.Fatalf("lap %d: a copy of an earlier sample is submitted: %v", lap, err)
			}
		}
		if d := drain(t, obj, 0, 0); d != want {
			t.Fatalf("lap %d: from a ring with a busy sample: %+v", lap, d)
		}
		first, second := s, s
		if lap%3 == 0 {
			err = first.Discard()
		} else {
			want.result = 1
			want.add(first.Data)
			err = first.Submit()
		}
		if err != nil {
			t.Fatal(err)
		}
		if second.Submit() != ErrEnded || second.Discard() != ErrEnded ||
			first.Submit() != ErrEnded {
			t.Fatalf("lap %d: ended twice", lap)
		}
		if d := drain(t, obj, 0, 0); d != want {
			t.Fatalf("lap %d: %+v, want %+v", lap, d, want)
		}
		if old = append(old, s); len(old) > 12 {
			old = old[1:]
		}
	}
	s, err := w.Reserve(8)
	if err != nil {
		t.Fatal(err)
	}
	kept := s
	if err := s.Submit(); err != nil {
		t.Fatal(err)
	}
	w.Close() // unmaps the ring
	if kept.Submit() != ErrEnded || kept.Discard() != ErrEnded {
		t.Error("ended twice")
	}
}

// TestSampleCopiesConcurrent lets goroutines end copies of the same samples, and of earlier ones,
// at the same time. One of them must succeed. The oracle is the kernel, which receives each
// submitted sample once.
func TestSampleCopiesConcurrent(t *testing.T) {
	obj := loadRing(t, 4096)
	w := newTestWriter(t, obj)
	var before []Sample
	for range 300 {
		var samples []Sample
		for range 4 {
			s, err := w.Reserve(200)
			if err != nil {
				t.Fatal(err)
			}
			samples = append(samples, s)
		}
		ended := make([]atomic.Int32, len(samples))
		var submitted atomic.Int64
		var wg sync.WaitGroup
		for g := range 4 {
			mine, stale := append([]Sample(nil), samples...), append([]Sample(nil), before...)
			wg.Go(func() {
				for i := range mine {
					end := mine[i].Submit
					if g%2 == 1 {
						end = mine[i].Discard
					}
					if err := end(); err == nil {
						ended[i].Add(1)
						if g%2 == 0 {
							submitted.Add(1)
						}
					} else if err != ErrEnded {
						t.Error(err)
					}
					if i < len(stale) &&
						(stale[i].Discard() != ErrEnded || stale[i].Submit() != ErrEnded) {
						t.Error("a sample of the round before is ended again")
					}
				}
			})
		}
		wg.Wait()
		for i := range ended {
			if n := ended[i].Load(); n != 1 {
				t.Fatalf("sample %d was ended %d times", i, n)
			}
		}
		if d := drain(t, obj, 0, 0); d.samples != uint64(submitted.Load()) {
			t.Fatalf("drained %d samples, submitted %d", d.samples, submitted.Load())
		}
		before = samples
	}
}

// TestSampleAllocations checks that reserving and ending samples allocates nothing once as many
// have been reserved at a time. The oracle is package testing.
func TestSampleAllocations(t *testing.T) {
	obj := loadRing(t, 4096)
	w := newTestWriter(t, obj)
	program, opts := obj.Program("drain"), &bpf.RunOptions{Context: make([]byte, 64)}
	if n := testing.AllocsPerRun(100, func() {
		s, err := w.Reserve(200)
		if err == nil {
			err = s.Submit()
		}
		if err != nil {
			t.Fatal(err)
		}
		program.Run(opts)
	}); n != 0 {
		t.Errorf("%v allocations for each sample", n)
	}
}

// TestNoWriter checks that nil pointers, zero values, closed writers and missing maps give errors.
func TestNoWriter(t *testing.T) {
	obj := loadRing(t, 4096)
	if _, err := NewWriter(obj.Map("rin"), nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	} else if want := "the object has no map rin; near: ring"; !strings.Contains(err.Error(),
		want) {
		t.Errorf("%v, want %s", err, want)
	}
	closed := newTestWriter(t, obj)
	closed.Close()
	for what, w := range map[string]*Writer{"nil": nil, "zero": new(Writer), "closed": closed} {
		_, err := w.Reserve(8)
		_, wait := w.ReserveContext(t.Context(), 8)
		for _, err := range []error{err, wait} {
			if !errors.Is(err, bpf.ErrNotExist) && !errors.Is(err, bpf.ErrClosed) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := w.Close(); (err == nil) != (what == "closed") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := reflect.TypeFor[*Writer]().NumMethod(); n != 3 {
		t.Errorf("a Writer has %d methods, 3 are tried", n)
	}
}
