package ringbuf

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf"
)

// record is struct record of testdata/ring.bpf.c.
type record struct {
	Number uint64
	Rest   [56]uint8
}

func newTyped[T any](t testing.TB, m *bpf.Map, name string) *ReaderOf[T] {
	t.Helper()
	r, err := NewReaderOf[T](m, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestTyped reads records as values. Records that are too short are errors in their place, which
// the reader counts.
func TestTyped(t *testing.T) {
	obj := loadRing(t)
	r := newTyped[record](t, obj.Map("events"), "record")
	if err := r.Reader().Add(obj.Map("small")); err != nil {
		t.Fatal(err)
	}
	run(t, obj, "fill", request{Count: 3, First: 10})
	run(t, obj, "fill_small", request{Count: 2, Length: 63, First: 20})
	run(t, obj, "fill_small", request{Count: 1, Length: 100, First: 30})
	var got []uint64
	keep := func(v *record) error {
		if v.Number < 20 && v.Rest[55] != byte(v.Number) {
			t.Errorf("%+v", v)
		}
		got = append(got, v.Number)
		return nil
	}
	var short *SizeError
	for i, want := range []int{4, 1, 1} {
		n, err := r.Consume(keep)
		if i < 2 && (!errors.As(err, &short) ||
			*short != (SizeError{Map: "small", Size: 63, Want: 64})) ||
			i == 2 && err != nil || n != want {
			t.Fatal(i, n, err)
		}
	}
	if !slices.Equal(got, []uint64{10, 11, 12, 30}) || r.Malformed() != 2 {
		t.Fatal(got, r.Malformed())
	}

	run(t, obj, "fill", request{Count: 2})
	run(t, obj, "fill_small", request{Count: 1, Length: 8})
	run(t, obj, "fill_small", request{Count: 1, Length: 64, First: 40})
	got = nil
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for v, err := range r.Records(ctx) {
		switch {
		case err == nil:
			if keep(v); v.Number == 40 {
				cancel()
			}
		case errors.As(err, &short):
			got = append(got, 999)
		default:
			last = err
		}
	}
	if !slices.Equal(got, []uint64{0, 1, 999, 40}) || last != context.Canceled {
		t.Fatal(got, last)
	}
	if n, err := r.Poll(ctx, keep); n != 0 || err != context.Canceled {
		t.Fatal(n, err)
	}
}

// TestTypedStream checks the contract of all readers of event streams.
func TestTypedStream(t *testing.T) {
	obj := loadRing(t)
	r := newTyped[record](t, obj.Map("events"), "struct record")
	run(t, obj, "fill", request{Count: 1, First: 5})
	for v, err := range r.Records(t.Context()) {
		if err != nil || v.Number != 5 {
			t.Fatal(v, err)
		}
		if _, err := r.Consume(nil); !errors.Is(err, ErrBusy) {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if v.Number != 5 {
			t.Error("the record is gone in the loop's body")
		}
		break
	}
	for _, err := range r.Records(t.Context()) {
		if !errors.Is(err, bpf.ErrClosed) {
			t.Error(err)
		}
	}
}

// TestTypedErrors: a loop ends with its own error while another goroutine tries to read. The oracle
// are the errors of the loops' own contexts.
func TestTypedErrors(t *testing.T) {
	obj := loadRing(t)
	r := newTyped[record](t, obj.Map("events"), "record")
	passed, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for range 100 {
		run(t, obj, "fill", request{Count: 1})
		ctx, cancel := context.WithCancel(t.Context())
		var over atomic.Bool
		var others sync.WaitGroup
		last := error(nil)
		for _, err := range r.Records(ctx) {
			if last = err; err != nil {
				continue
			}
			others.Go(func() {
				for !over.Load() {
					for _, err := range r.Records(passed) {
						if !errors.Is(err, ErrBusy) && !errors.Is(err, context.DeadlineExceeded) {
							t.Errorf("the other goroutine: %v", err)
						}
					}
				}
			})
			cancel()
		}
		over.Store(true)
		others.Wait()
		cancel()
		if !errors.Is(last, context.Canceled) {
			t.Fatalf("a cancelled loop: %v", last)
		}
	}
}

// TestTypedRefuses: the oracle is the BTF that clang wrote for struct record.
func TestTypedRefuses(t *testing.T) {
	obj := loadRing(t)
	refuse := func(err error, says string) {
		t.Helper()
		if !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, not %q", err, says)
		}
	}
	_, err := NewReaderOf[[9]uint64](obj.Map("events"), "record", nil)
	refuse(err, "read ring buffer events: record: [9]uint64 has 72 bytes, STRUCT record has 64")
	_, err = NewReaderOf[struct{ A, B [32]byte }](obj.Map("events"), "record", nil)
	refuse(err, "lies across the C member rest (bytes 8 to 64)")
	_, err = NewReaderOf[record](obj.Map("events"), "records", nil)
	refuse(err, `no type "records"`)
	refuse(err, "near: record")
	_, err = NewReaderOf[record](obj.Map(".bss"), "record", nil)
	refuse(err, "not ")
	if _, err = NewReaderOf[record](obj.Map("event"), "record", nil); !errors.Is(err,
		bpf.ErrNotExist) {
		t.Error(err)
	}
	var none *ReaderOf[record]
	for _, r := range []*ReaderOf[record]{none, new(ReaderOf[record])} {
		if _, err := r.Consume(nil); err == nil {
			t.Error("Consume: no error")
		}
		if _, err := r.Poll(t.Context(), nil); err == nil {
			t.Error("Poll: no error")
		}
		for v, err := range r.Records(t.Context()) {
			if err == nil {
				t.Error(v)
			}
		}
		if r.Close() == nil || r.Malformed() != 0 {
			t.Error("Close: no error")
		}
	}
}

// BenchmarkTyped is BenchmarkReader with values, BenchmarkCopy with copies of them.
func BenchmarkTyped(b *testing.B) {
	sum := uint64(0)
	benchmarkTyped(b, func(v *record) error { sum += v.Number; return nil })
}

func BenchmarkCopy(b *testing.B) {
	list := make([]record, 0, 1000)
	benchmarkTyped(b, func(v *record) error {
		if len(list) == cap(list) {
			list = list[:0]
		}
		list = append(list, *v)
		return nil
	})
}

func benchmarkTyped(b *testing.B, fn func(*record) error) {
	obj := loadRing(b)
	r := newTyped[record](b, obj.Map("events"), "record")
	b.ReportAllocs()
	for n := 0; n < b.N; n += 1000 {
		b.StopTimer()
		run(b, obj, "fill", request{Count: 1000, Flags: noWakeup})
		b.StartTimer()
		r.Consume(fn)
	}
}
