package ringbuf

import (
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The oracle of these tests is testdata/ring.bpf.c, run by the kernel: it numbers its records, and
// counts those for which there was no room.

type request struct {
	Count, Length uint32
	Flags, First  uint64
	Discard       uint32
	Failed        uint32
}

const noWakeup = 1 // BPF_RB_NO_WAKEUP

func loadRing(t testing.TB) *bpf.Object {
	t.Helper()
	testkit.Root(t)
	o, err := bpf.Open("testdata/ring.bpf.o", nil)
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

func newReader(t testing.TB, maps ...*bpf.Map) *Reader {
	t.Helper()
	r, err := NewReader(maps[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	for _, m := range maps[1:] {
		if err := r.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// run makes the program write records and returns the number of those for which there was no room.
func run(t testing.TB, obj *bpf.Object, program string, q request) uint32 {
	t.Helper()
	const most = 4096 // at a time; the program for kernels without callbacks accepts no more
	if q.Count > most {
		first, rest := q, q
		first.Count, rest.Count, rest.First = most, q.Count-most, q.First+most
		return run(t, obj, program, first) + run(t, obj, program, rest)
	}
	raw := make([]byte, 32)
	binary.NativeEndian.PutUint32(raw[0:], q.Count)
	binary.NativeEndian.PutUint32(raw[4:], q.Length)
	binary.NativeEndian.PutUint64(raw[8:], q.Flags)
	binary.NativeEndian.PutUint64(raw[16:], q.First)
	binary.NativeEndian.PutUint32(raw[24:], q.Discard)
	if _, err := obj.Program(program).Run(&bpf.RunOptions{Context: raw}); err != nil {
		t.Fatal(err)
	}
	return binary.NativeEndian.Uint32(raw[28:])
}

func number(rec Record) uint64 { return binary.NativeEndian.Uint64(rec.Data) }

func TestReaderConsume(t *testing.T) {
	obj := loadRing(t)
	r := newReader(t, obj.Map("events"), obj.Map("small"))
	if n, err := r.Consume(func(Record) error {
		t.Fatal("a record from nowhere")
		return nil
	}); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if failed := run(t, obj, "fill", request{Count: 1000, Discard: 10}); failed != 0 {
		t.Fatal(failed, "records had no room")
	}
	run(t, obj, "fill_small", request{Count: 5, Length: 13, First: 7000})
	if p := r.Position(0); p.Producer != 1000*72 || p.Consumer != 0 || p.Available() != 72000 ||
		p.Size != 16<<20 {
		t.Fatalf("%+v", p)
	}
	want, small := uint64(0), uint64(7000)
	n, err := r.Consume(func(rec Record) error {
		if rec.Ring == 1 {
			if len(rec.Data) != 13 || number(rec) != small {
				t.Fatalf("small record %d of %d bytes, want %d of 13",
					number(rec), len(rec.Data), small)
			}
			small++
			return nil
		}
		if want%10 == 0 {
			want++ // discarded
		}
		if number(rec) != want || len(rec.Data) != 64 || rec.Data[63] != byte(want) {
			t.Fatalf("record %d of %d bytes, want %d", number(rec), len(rec.Data), want)
		}
		want++
		return nil
	})
	if n != 900+5 || err != nil || want != 1000 || small != 7005 {
		t.Fatalf("n %d, err %v, last %d and %d", n, err, want, small)
	}
	if p := r.Position(0); p.Available() != 0 {
		t.Fatalf("%+v", p)
	}
}

func TestReaderLimit(t *testing.T) {
	obj := loadRing(t)
	r := newReader(t, obj.Map("events"))
	run(t, obj, "fill", request{Count: 100})
	if n, err := r.ConsumeN(30, func(Record) error { return nil }); n != 30 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := r.ConsumeN(0, func(Record) error {
		t.Fatal("called")
		return nil
	}); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	first := uint64(0)
	r.ConsumeN(1, func(rec Record) error { first = number(rec); return nil })
	if first != 30 {
		t.Fatal("after 30 records comes", first)
	}
}

// TestReaderFull checks that records without room are refused to the program, and that consuming
// records frees room.
func TestReaderFull(t *testing.T) {
	obj := loadRing(t)
	r := newReader(t, obj.Map("small"))
	failed := run(t, obj, "fill_small", request{Count: 100, Length: 120})
	// The kernel keeps the two positions less than a whole ring apart.
	if want := uint32(100 - (4096/128 - 1)); failed != want {
		t.Fatalf("%d records refused, want %d", failed, want)
	}
	// Each record read makes room for the next one; 300 records wrap around the ring ten times.
	next := uint64(100)
	seen := 0
	for want := uint64(0); seen < 300; want++ {
		n, err := r.ConsumeN(1, func(rec Record) error {
			if want < 31 && number(rec) != want {
				t.Fatalf("got %d, want %d", number(rec), want)
			}
			if len(rec.Data) != 120 {
				t.Fatal(len(rec.Data), "bytes")
			}
			return nil
		})
		if n != 1 || err != nil {
			t.Fatal(n, err)
		}
		seen++
		if failed := run(t, obj, "fill_small",
			request{Count: 1, Length: 120, First: next}); failed != 0 {
			t.Fatal("no room after a record was consumed")
		}
		next++
	}
}

// TestReaderStream checks the contract of all readers of event streams.
func TestReaderStream(t *testing.T) {
	obj := loadRing(t)
	open := func() testkit.StreamReader[Record] {
		return newReader(t, obj.Map("small"), obj.Map("events"))
	}
	write := func(n uint64) { run(t, obj, "fill", request{Count: 1, First: n}) }
	testkit.Stream(t, open, write, number, ErrBusy)
}

// TestReaderNoWakeup checks that a record submitted without a wake-up does not end a wait, the next
// one with a wake-up does, and both arrive.
func TestReaderNoWakeup(t *testing.T) {
	obj := loadRing(t)
	r := newReader(t, obj.Map("events"))
	woken := make(chan error)
	go func() { woken <- r.Wait(context.Background()) }()
	testkit.UntilBlocked(t, "ringbuf.(*Reader).Wait", 1)
	run(t, obj, "fill", request{Count: 1, Flags: noWakeup})
	select {
	case err := <-woken:
		t.Fatal("woken by a record that said not to:", err)
	case <-time.After(50 * time.Millisecond):
	}
	run(t, obj, "fill", request{Count: 1, First: 1, Flags: 2}) // BPF_RB_FORCE_WAKEUP
	if err := <-woken; err != nil {
		t.Fatal(err)
	}
	if n, err := r.Consume(func(Record) error { return nil }); n != 2 || err != nil {
		t.Fatal(n, err)
	}
}

// TestReaderRecords streams records from programs that run on other threads; none may be lost,
// duplicated or out of order.
func TestReaderRecords(t *testing.T) {
	obj := loadRing(t)
	r := newReader(t, obj.Map("events"))
	const rounds, burst = 400, 50
	var read atomic.Uint64
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for i := range uint64(rounds) {
			if failed := run(t, obj, "fill", request{Count: burst, First: i * burst}); failed != 0 {
				t.Error(failed, "records had no room")
			}
			if i%10 == 0 { // the reader waits again
				testkit.Until(t, "all is read", func() bool { return read.Load() == (i+1)*burst })
			}
		}
	}()
	want := uint64(0)
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience(time.Minute))
	defer cancel()
	for rec := range r.Records(ctx) {
		if number(rec) != want {
			t.Fatalf("record %d, want %d", number(rec), want)
		}
		want++
		read.Store(want)
		if want == rounds*burst {
			break
		}
	}
	if err := r.Err(); err != nil || want != rounds*burst {
		t.Fatal(want, err)
	}
	wg.Wait()
}

// TestTenMillion streams records to a reader that never rests: the programs, which run on another
// thread, are at most half a ring ahead. Every record arrives, in order.
func TestTenMillion(t *testing.T) {
	obj := loadRing(t)
	r := newReader(t, obj.Map("events"))
	const burst, ahead = 4096, 100_000 // records; the ring has room for 233,000
	total := uint64(testkit.Sample(t, "records", 10_000_000, 200_000)) / burst * burst
	var read atomic.Uint64
	var writer sync.WaitGroup
	writer.Go(func() {
		for first := uint64(0); first < total && !t.Failed(); first += burst {
			for first > read.Load()+ahead && !t.Failed() {
				runtime.Gosched()
			}
			if failed := run(t, obj, "fill", request{Count: burst, First: first}); failed != 0 {
				t.Error(failed, "records had no room")
			}
		}
	})
	defer writer.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience(5*time.Minute))
	defer cancel()
	want := uint64(0)
	for rec := range r.Records(ctx) {
		if number(rec) != want {
			t.Errorf("record %d, want %d", number(rec), want)
			break
		}
		want++
		read.Store(want)
		if want == total {
			break
		}
	}
	if err := r.Err(); err != nil || want != total {
		t.Errorf("%d records of %d: %v", want, total, err)
	}
}

func TestReaderRefuses(t *testing.T) {
	obj := loadRing(t)
	if _, err := NewReader(obj.Map("nothing"), nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Fatal(err)
	}
	if _, err := NewReader(obj.Map(".bss"), nil); err == nil {
		t.Fatal("an array was accepted as a ring")
	}
	closed := loadRing(t)
	closed.Close()
	if _, err := NewReader(closed.Map("events"), nil); err == nil {
		t.Fatal("a closed map was mapped")
	}
}

// TestReaderOutlivesObject checks that the rings stay mapped when the object is closed.
func TestReaderOutlivesObject(t *testing.T) {
	obj := loadRing(t)
	r := newReader(t, obj.Map("events"))
	run(t, obj, "fill", request{Count: 3})
	obj.Close()
	if n, err := r.Consume(func(Record) error { return nil }); n != 3 || err != nil {
		t.Fatal(n, err)
	}
}

func TestReaderAllocs(t *testing.T) {
	obj := loadRing(t)
	r := newReader(t, obj.Map("events"))
	sum := 0
	allocs := testing.AllocsPerRun(50, func() {
		run(t, obj, "fill", request{Count: 100})
		n := 0
		r.Consume(func(rec Record) error { n += len(rec.Data); return nil })
		sum += n
	})
	perRun := testing.AllocsPerRun(50, func() { run(t, obj, "fill", request{Count: 0}) })
	if sum < 50*100*64 {
		t.Fatal(sum, "bytes read")
	}
	if allocs > perRun {
		t.Fatalf("%v allocations for reading 100 records", allocs-perRun)
	}
}

// BenchmarkReader reads one record of 64 bytes, of 1,000 that a program wrote before.
func BenchmarkReader(b *testing.B) {
	obj := loadRing(b)
	r := newReader(b, obj.Map("events"))
	sum := 0
	fn := func(rec Record) error { sum += int(rec.Data[0]); return nil }
	b.ReportAllocs()
	for n := 0; n < b.N; n += 1000 {
		b.StopTimer()
		run(b, obj, "fill", request{Count: 1000, Flags: noWakeup})
		b.StartTimer()
		r.Consume(fn)
	}
}

// BenchmarkRecords is the same in a loop over Records, which ends at the last record.
func BenchmarkRecords(b *testing.B) {
	obj := loadRing(b)
	r := newReader(b, obj.Map("events"))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sum := 0
	b.ReportAllocs()
	for n := 0; n < b.N; n += 1000 {
		b.StopTimer()
		run(b, obj, "fill", request{Count: 1000, Flags: noWakeup})
		b.StartTimer()
		left := 1000
		for rec := range r.Records(ctx) {
			sum += int(rec.Data[0])
			if left--; left == 0 {
				break
			}
		}
	}
}
