package perfbuf

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The oracle of these tests is testdata/perf.bpf.c, run by the kernel on the CPU that the test
// names: it numbers its records.

func loadPerf(t testing.TB) *bpf.Object {
	t.Helper()
	testkit.Root(t)
	o, err := bpf.Open("testdata/perf.bpf.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	obj, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { obj.Close() })
	return obj
}

func newTestReader(t testing.TB, obj *bpf.Object, opts *Options) *Reader {
	t.Helper()
	r, err := NewReader(obj.Map("events"), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// fill writes count records on a CPU.
func fill(t testing.TB, obj *bpf.Object, cpu int, first, count, length uint64) {
	t.Helper()
	const most = 2048 // at a time; the program for kernels without callbacks accepts no more
	for ; count > most; first, count = first+most, count-most {
		fill(t, obj, cpu, first, most, length)
	}
	var args []byte
	for _, n := range []uint64{first, count, length} {
		args = binary.NativeEndian.AppendUint64(args, n)
	}
	if _, err := obj.Program("fill").Run(
		&bpf.RunOptions{Context: args, Flags: uapi.FRunOnCPU, CPU: uint32(cpu)}); err != nil {
		t.Fatal(err)
	}
}

// failed returns the number of records that the program could not write.
func failed(t testing.TB, obj *bpf.Object) uint64 {
	t.Helper()
	n, err := bpf.VarOf[uint64](obj.Variable("failed"))
	if err != nil {
		t.Fatal(err)
	}
	return *n
}

func TestReader(t *testing.T) {
	obj := loadPerf(t)
	r := newTestReader(t, obj, nil)
	online, err := kernel.Running().OnlineCPUs()
	if err != nil || !slices.Equal(r.CPUs(), online) {
		t.Fatal(r.CPUs(), online, err)
	}
	want := map[int]uint64{}
	for _, cpu := range online {
		fill(t, obj, cpu, uint64(cpu)*1000, 50, uint64(cpu)) // 8 + cpu bytes, padded
		want[cpu] = uint64(cpu) * 1000
	}
	n, err := r.Consume(func(rec Record) error {
		if rec.Lost != 0 || len(rec.Data) < 8+rec.CPU ||
			binary.NativeEndian.Uint64(rec.Data) != want[rec.CPU] {
			t.Fatalf("%+v, want %d", rec, want[rec.CPU])
		}
		want[rec.CPU]++
		return nil
	})
	if n != 50*len(online) || err != nil || failed(t, obj) != 0 {
		t.Fatal(n, err, failed(t, obj))
	}
	// The events are removed from the map with the reader: the program can then write nowhere.
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	fill(t, obj, online[0], 0, 5, 0)
	if failed(t, obj) != 5 {
		t.Errorf("%d records failed after Close, want 5", failed(t, obj))
	}
	if _, err := r.Consume(nil); !errors.Is(err, bpf.ErrClosed) {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error("second Close:", err)
	}
}

// TestReaderNow checks that Consume delivers the records that are available when it reaches a CPU,
// and leaves later ones for the next call, like C libbpf's perf_event_read_simple. The function
// writes a record for each one that it receives, as a function that traces its own process may.
func TestReaderNow(t *testing.T) {
	obj := loadPerf(t)
	r := newTestReader(t, obj, nil)
	last := r.CPUs()[len(r.CPUs())-1]
	for round := range 3 {
		fill(t, obj, last, 0, 1, 0)
		seen := 0
		n, err := r.Consume(func(record Record) error {
			if seen++; seen > 100 {
				return errors.New("it goes on")
			}
			if record.CPU == last {
				fill(t, obj, last, 0, 1, 0)
			}
			return nil
		})
		if want := round + 1; n != want || err != nil {
			t.Errorf("round %d: %d records, want %d: %v", round, n, want, err)
		}
	}
}

// TestReaderLost checks that samples without room are counted, and that reading continues. Records
// of 72 bytes also cross the end.
func TestReaderLost(t *testing.T) {
	obj := loadPerf(t)
	r := newTestReader(t, obj, &Options{Pages: 1, CPUs: []int{0}})
	got, lost := uint64(0), uint64(0)
	next := uint64(0)
	read := func() {
		t.Helper()
		if _, err := r.Consume(func(rec Record) error {
			if rec.Lost > 0 {
				lost += rec.Lost
				return nil
			}
			if n := binary.NativeEndian.Uint64(rec.Data); n < next {
				t.Fatalf("record %d after %d", n, next)
			} else {
				next = n + 1
			}
			if rec.Data[40] != byte(binary.NativeEndian.Uint64(rec.Data)) {
				t.Fatalf("record %x", rec.Data)
			}
			got++
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	const bursts, each = 20, 100
	for i := range uint64(bursts) {
		fill(t, obj, 0, i*each, each, 50)
		read()
	}
	fill(t, obj, 0, bursts*each, 1, 50) // carries the number of samples lost in the last burst
	read()
	if got+lost != bursts*each+1 || lost == 0 || got < bursts*4096/100 {
		t.Fatalf("%d read, %d lost, of %d", got, lost, bursts*each+1)
	}
}

// TestReaderStream checks the contract of all readers of event streams.
func TestReaderStream(t *testing.T) {
	obj := loadPerf(t)
	cpus, err := kernel.Running().OnlineCPUs()
	if err != nil {
		t.Fatal(err)
	}
	open := func() testkit.StreamReader[Record] { return newTestReader(t, obj, nil) }
	// Ten records in a row are on one CPU: between CPUs there is no order.
	write := func(n uint64) { fill(t, obj, cpus[int(n/10)%len(cpus)], n, 1, 0) }
	testkit.Stream(t, open, write, func(rec Record) uint64 {
		return binary.NativeEndian.Uint64(rec.Data)
	}, ErrBusy)
}

// TestReaderRecords streams from all CPUs at once; the records of each CPU arrive in order, and
// none is missing.
func TestReaderRecords(t *testing.T) {
	obj := loadPerf(t)
	r := newTestReader(t, obj, &Options{Pages: 256})
	const rounds, burst = 100, 20
	cpus := r.CPUs()
	var wg sync.WaitGroup
	for _, cpu := range cpus {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range uint64(rounds) {
				fill(t, obj, cpu, i*burst, burst, 20)
			}
		}()
	}
	next := map[int]uint64{}
	left := rounds * burst * len(cpus)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for rec := range r.Records(ctx) {
		if rec.Lost > 0 {
			t.Fatal(rec.Lost, "records lost")
		}
		if n := binary.NativeEndian.Uint64(rec.Data); n != next[rec.CPU] {
			t.Fatalf("CPU %d: record %d, want %d", rec.CPU, n, next[rec.CPU])
		}
		next[rec.CPU]++
		if left--; left == 0 {
			break
		}
	}
	wg.Wait()
	if r.Err() != nil || left != 0 {
		t.Fatal(left, r.Err())
	}
}

// TestReaderAllocs checks that reading does not allocate, except to join a record that crosses the
// end.
func TestReaderAllocs(t *testing.T) {
	obj := loadPerf(t)
	r := newTestReader(t, obj, &Options{Pages: 8, CPUs: []int{0}})
	sum := 0
	allocs := testing.AllocsPerRun(50, func() {
		fill(t, obj, 0, 0, 100, 56)
		n := 0
		r.Consume(func(rec Record) error { n += len(rec.Data); return nil })
		sum += n
	})
	if perRun := testing.AllocsPerRun(50, func() {
		fill(t, obj, 0, 0, 0, 0)
	}); allocs > perRun || sum < 50*100*64 {
		t.Fatalf("%v allocations for reading 100 records, %d bytes read", allocs-perRun, sum)
	}
}

func TestReaderRefuses(t *testing.T) {
	obj := loadPerf(t)
	before := len(testkit.FDs())
	for what, c := range map[string]struct {
		m    *bpf.Map
		opts Options
		want error
	}{
		"no map":          {nil, Options{}, bpf.ErrNotExist},
		"another type":    {obj.Map(".bss"), Options{}, syscall.EINVAL},
		"pages":           {obj.Map("events"), Options{Pages: 3}, syscall.EINVAL},
		"negative pages":  {obj.Map("events"), Options{Pages: -1}, syscall.EINVAL},
		"negative wakeup": {obj.Map("events"), Options{Wakeup: -1}, syscall.EINVAL},
		"no such CPU":     {obj.Map("events"), Options{CPUs: []int{0, 4000}}, syscall.EINVAL},
	} {
		r, err := NewReader(c.m, &c.opts)
		if err == nil {
			r.Close()
		}
		if !errors.Is(err, c.want) && !(what == "no such CPU" && errors.Is(err, syscall.ENODEV)) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	if after := len(testkit.FDs()); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// BenchmarkReader reads one sample of 64 bytes, of 1,000 that a program wrote before.
func BenchmarkReader(b *testing.B) {
	obj := loadPerf(b)
	r := newTestReader(b, obj, &Options{Pages: 64, CPUs: []int{0}, Wakeup: 1 << 20})
	sum := 0
	fn := func(rec Record) error { sum += len(rec.Data); return nil }
	b.ReportAllocs()
	for n := 0; n < b.N; n += 1000 {
		b.StopTimer()
		fill(b, obj, 0, 0, 1000, 56)
		b.StartTimer()
		r.Consume(fn)
	}
}

// BenchmarkRecords is the same in a loop over Records, which ends at the last record.
func BenchmarkRecords(b *testing.B) {
	obj := loadPerf(b)
	r := newTestReader(b, obj, &Options{Pages: 64, CPUs: []int{0}, Wakeup: 1 << 20})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sum := 0
	b.ReportAllocs()
	for n := 0; n < b.N; n += 1000 {
		b.StopTimer()
		fill(b, obj, 0, 0, 1000, 56)
		b.StartTimer()
		left := 1000
		for rec := range r.Records(ctx) {
			sum += len(rec.Data)
			if left--; left == 0 {
				break
			}
		}
	}
}
