package perfbuf

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/kernel"
)

// head is struct head of testdata/perf.bpf.c.
type head struct {
	Number uint64
	Rest   [8]uint8
}

func newTyped[T any](t testing.TB, obj *bpf.Object, name string, opts *Options) *ReaderOf[T] {
	t.Helper()
	r, err := NewReaderOf[T](obj.Map("events"), name, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestTyped reads records of all CPUs as values, until the rings are full. Records that are too
// short and lost ones are errors in their place.
func TestTyped(t *testing.T) {
	obj := loadPerf(t)
	r := newTyped[head](t, obj, "head", nil)
	cpus, err := kernel.Running().OnlineCPUs()
	if err != nil {
		t.Fatal(err)
	}
	last := cpus[len(cpus)-1]
	want := map[int]uint64{}
	for _, cpu := range cpus {
		want[cpu] = uint64(cpu) * 1000
		fill(t, obj, cpu, want[cpu], 3, 8)
	}
	fill(t, obj, last, 0, 1, 0)
	fill(t, obj, last, want[last]+3, 1, 40)
	check := func(v *head) error {
		cpu := r.CPU()
		if v.Number != want[cpu] || v.Rest[7] != byte(v.Number) {
			t.Errorf("CPU %d: %+v, want %d", cpu, v, want[cpu])
		}
		want[cpu]++
		return nil
	}
	var short *SizeError
	n, err := r.Consume(check)
	if n != 3*len(cpus)+1 || !errors.As(err, &short) ||
		*short != (SizeError{Map: "events", Size: 12, Want: 16}) {
		t.Fatal(n, err)
	}
	if n, err := r.Poll(t.Context(), check); n != 1 || err != nil || r.Malformed() != 1 {
		t.Fatal(n, err, r.Malformed())
	}

	r.Close()
	r = newTyped[head](t, obj, "struct head", &Options{Pages: 1, CPUs: []int{last}})
	fill(t, obj, last, 0, 2048, 8)
	refused := failed(t, obj)
	seen, stop := uint64(0), errors.New("stop")
	if n, err := r.Consume(func(*head) error { seen++; return stop }); n != 1 || err != stop {
		t.Fatal(n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lost := uint64(0)
	var end error
	fill(t, obj, last, 0, 1, 8) // there is room for the count of lost ones now
	for v, err := range r.Records(ctx) {
		var l *LostError
		switch {
		case errors.As(err, &l):
			if lost += l.Count; l.CPU != last || l.Map != "events" {
				t.Error(err)
			}
			cancel()
		case err != nil:
			end = err
		case v != nil:
			seen++
		}
	}
	if end != context.Canceled || refused == 0 || lost != refused {
		t.Fatalf("%v; %d records lost, the program counts %d", end, lost, refused)
	}
	if seen != 2048-refused {
		t.Errorf("%d records before the lost ones, not %d", seen, 2048-refused)
	}
}

// TestTypedRefuses: the oracle is the BTF that clang wrote for struct head.
func TestTypedRefuses(t *testing.T) {
	obj := loadPerf(t)
	for says, refuse := range map[string]func() error{
		"record: uint64 has 8 bytes, STRUCT head has 16": func() error {
			_, err := NewReaderOf[uint64](obj.Map("events"), "head", nil)
			return err
		},
		`no type "heed"`: func() error {
			_, err := NewReaderOf[head](obj.Map("events"), "heed", nil)
			return err
		},
		"not PERF_EVENT_ARRAY": func() error {
			_, err := NewReaderOf[head](obj.Map(".bss"), "head", nil)
			return err
		},
	} {
		if err := refuse(); !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(strings.ToUpper(err.Error()), strings.ToUpper(says)) {
			t.Errorf("%v, not %q", err, says)
		}
	}
	var none *ReaderOf[head]
	for _, r := range []*ReaderOf[head]{none, new(ReaderOf[head])} {
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
		if r.Close() == nil || r.Malformed() != 0 || r.CPU() != 0 {
			t.Error("Close: no error")
		}
	}
}

// BenchmarkTyped is BenchmarkReader with values.
func BenchmarkTyped(b *testing.B) {
	obj := loadPerf(b)
	r := newTyped[head](b, obj, "head", &Options{CPUs: []int{0}, Pages: 64})
	sum := uint64(0)
	fn := func(v *head) error { sum += v.Number; return nil }
	b.ReportAllocs()
	for n := 0; n < b.N; n += 1000 {
		b.StopTimer()
		fill(b, obj, 0, 0, 1000, 8)
		b.StartTimer()
		r.Consume(fn)
	}
}
