package ringbuf

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"unsafe"
)

// fakeRing is a ring buffer whose producer is the test. The oracle is the kernel's own description
// of the layout (kernel/bpf/ringbuf.c): header of a 32-bit length with busy and discard bits and a
// page offset, records padded to 8, positions that only grow. The data is not mapped twice here, so
// every write goes to both halves.
type fakeRing struct {
	consumer, producer uintptr
	data               []byte
	size               uintptr
}

func newFakeRing(t testing.TB, size int) (*fakeRing, *ring) {
	t.Helper()
	words := make([]uint64, size/4) // 2*size bytes, aligned
	f := &fakeRing{data: unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 2*size),
		size: uintptr(size)}
	r, err := newRing(&f.consumer, &f.producer, f.data)
	if err != nil {
		t.Fatal(err)
	}
	return f, r
}

func (f *fakeRing) write(pos uintptr, b []byte) {
	for i, c := range b {
		at := (pos + uintptr(i)) % f.size
		f.data[at], f.data[at+f.size] = c, c
	}
}

// reserve writes a busy record and moves the producer past it; false if there is no room.
func (f *fakeRing) reserve(data []byte) (at uintptr, ok bool) {
	at = f.producer
	total := (uintptr(len(data)) + 8 + 7) &^ 7
	if at+total-atomic.LoadUintptr(&f.consumer) > f.size {
		return 0, false
	}
	f.setHeader(at, uint32(len(data))|busyBit)
	f.write(at+8, data)
	atomic.StoreUintptr(&f.producer, at+total)
	return at, true
}

func (f *fakeRing) setHeader(at uintptr, length uint32) {
	f.write(at, binary.NativeEndian.AppendUint32(nil, length))
}

func (f *fakeRing) submit(at uintptr, length int)  { f.setHeader(at, uint32(length)) }
func (f *fakeRing) discard(at uintptr, length int) { f.setHeader(at, uint32(length)|discardBit) }

// TestRingModel drives a ring with random records, some discarded, some busy for a while, and
// compares output with input, and the position with the expected one.
func TestRingModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	// the second wraps the positions themselves around
	for _, start := range []uintptr{0, ^uintptr(0) - 5000&^7} {
		f, r := newFakeRing(t, 4096)
		start &^= 7
		f.consumer, f.producer = start, start
		r.pos, r.stored = start, start
		type held struct {
			at   uintptr
			data []byte
		}
		var want [][]byte // submitted and not seen yet
		var busy *held    // at most one record is not submitted; those after it wait
		var behind [][]byte
		for step := range 20000 {
			data := make([]byte, rnd.IntN(300))
			for i := range data {
				data[i] = byte(step + i)
			}
			if at, ok := f.reserve(data); ok {
				switch {
				case rnd.IntN(10) == 0:
					f.discard(at, len(data))
				case busy == nil && rnd.IntN(20) == 0:
					busy = &held{at, data}
				case busy != nil:
					f.submit(at, len(data))
					behind = append(behind, data)
				default:
					f.submit(at, len(data))
					want = append(want, data)
				}
			}
			if busy != nil && rnd.IntN(8) == 0 {
				f.submit(busy.at, len(busy.data))
				want = append(append(want, busy.data), behind...)
				busy, behind = nil, nil
			}
			if rnd.IntN(3) != 0 {
				continue
			}
			limit := 1 + rnd.IntN(100)
			n, err := r.consume(limit, func(rec Record) error {
				if len(want) == 0 {
					t.Fatalf("step %d: a record too many", step)
				}
				if string(rec.Data) != string(want[0]) {
					t.Fatalf("step %d: got %d bytes %.8x, want %d bytes %.8x",
						step, len(rec.Data), rec.Data, len(want[0]), want[0])
				}
				want = want[1:]
				return nil
			})
			if err != nil || n > limit {
				t.Fatalf("step %d: n %d of %d, err %v", step, n, limit, err)
			}
			if n < limit && len(want) > 0 {
				t.Fatalf("step %d: %d records left behind", step, len(want))
			}
			if f.consumer != r.pos {
				t.Fatalf("step %d: position %d stored, consumed up to %d", step, f.consumer, r.pos)
			}
			if n < limit && busy == nil && f.consumer != f.producer {
				t.Fatalf("step %d: stopped at %d, produced up to %d", step, f.consumer, f.producer)
			}
			if n < limit && busy != nil && f.consumer != busy.at {
				t.Fatalf("step %d: stopped at %d, busy record at %d", step, f.consumer, busy.at)
			}
			if r.ready() != (len(want) > 0) && busy == nil && n == limit &&
				f.producer == f.consumer {
				t.Fatalf("step %d: ready %v", step, r.ready())
			}
		}
	}
}

// TestRingStop checks that the record for which fn fails is consumed (libbpf ring_buffer__consume
// does the same with a failing callback).
func TestRingStop(t *testing.T) {
	f, r := newFakeRing(t, 4096)
	for i := range 3 {
		at, _ := f.reserve([]byte{byte(i)})
		f.submit(at, 1)
	}
	stop := errors.New("stop")
	n, err := r.consume(10, func(rec Record) error {
		if rec.Data[0] == 1 {
			return stop
		}
		return nil
	})
	if n != 2 || err != stop || f.consumer != 32 {
		t.Fatalf("n %d err %v position %d, want 2 stop 32", n, err, f.consumer)
	}
	n, err = r.consume(10, func(rec Record) error {
		if rec.Data[0] != 2 {
			t.Error("after the failure at 1 comes", rec.Data[0])
		}
		return nil
	})
	if n != 1 || err != nil || f.consumer != f.producer {
		t.Fatalf("n %d err %v position %d of %d", n, err, f.consumer, f.producer)
	}
}

// TestRingPanic checks that the records that fn saw before it panicked are consumed.
func TestRingPanic(t *testing.T) {
	f, r := newFakeRing(t, 4096)
	at, _ := f.reserve([]byte{1})
	f.submit(at, 1)
	func() {
		defer func() { recover() }()
		r.consume(10, func(Record) error { panic("x") })
	}()
	if f.consumer != f.producer {
		t.Fatalf("position %d of %d", f.consumer, f.producer)
	}
}

// TestRingBatch checks that the position is stored for a batch of records, and at least every
// eighth of the ring.
func TestRingBatch(t *testing.T) {
	for _, c := range []struct{ size, length, every int }{
		{64 << 10, 8, batchRecords},
		{4 << 10, 1, 4096 / 8 / 16},
		{4 << 10, 248, 4096 / 8 / 256},
	} {
		f, r := newFakeRing(t, c.size)
		total := (c.length + 15) &^ 7
		for range c.size / total {
			at, ok := f.reserve(make([]byte, c.length))
			if !ok {
				t.Fatal("no room")
			}
			f.submit(at, c.length)
		}
		seen := 0
		r.consume(c.size, func(Record) error {
			if want := uintptr(seen / c.every * c.every * total); f.consumer != want {
				t.Fatalf("length %d: position %d before record %d, want %d",
					c.length, f.consumer, seen, want)
			}
			seen++
			return nil
		})
	}
}

// TestRingCorrupt checks that lengths that the producer cannot have written end reading with an
// error, and that nothing outside the ring is accessed.
func TestRingCorrupt(t *testing.T) {
	for _, length := range []uint32{9, 4096, 1<<30 - 1, 8 << 20} {
		f, r := newFakeRing(t, 4096)
		f.setHeader(0, length)
		f.producer = 16
		_, err := r.consume(10, func(rec Record) error {
			t.Fatalf("%d bytes handed out", len(rec.Data))
			return nil
		})
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || corrupt.Length != length {
			t.Fatalf("length %d: %v", length, err)
		}
	}
	if _, err := newRing(new(uintptr), new(uintptr), make([]byte, 24)); err == nil {
		t.Fatal("a size that is not a power of two was accepted")
	}
}

// TestRingRace runs producer and consumer concurrently under the race detector: every record is
// seen once, in order, whole.
func TestRingRace(t *testing.T) {
	var consumer, producer uintptr
	words := make([]uint64, 1024)
	data := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 8192)
	r, err := newRing(&consumer, &producer, data)
	if err != nil {
		t.Fatal(err)
	}
	const records = 20000
	go func() {
		for i := uint32(0); i < records; {
			at := atomic.LoadUintptr(&producer)
			if at+16-atomic.LoadUintptr(&consumer) > 4096 {
				continue
			}
			for _, half := range []uintptr{0, 4096} {
				p := at%4096 + half
				atomic.StoreUint32((*uint32)(unsafe.Pointer(&data[p])), 4|busyBit)
				*(*uint32)(unsafe.Pointer(&data[p+8])) = i
			}
			atomic.StoreUintptr(&producer, at+16)
			for _, half := range []uintptr{0, 4096} {
				atomic.StoreUint32((*uint32)(unsafe.Pointer(&data[at%4096+half])), 4)
			}
			i++
		}
	}()
	for want := uint32(0); want < records; {
		_, err := r.consume(1000, func(rec Record) error {
			if got := binary.NativeEndian.Uint32(rec.Data); got != want {
				t.Fatalf("record %d, want %d", got, want)
			}
			want++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkConsume delivers one record of 64 bytes from memory that is in the cache.
func BenchmarkConsume(b *testing.B) {
	f, r := newFakeRing(b, 128<<10)
	for {
		at, ok := f.reserve(make([]byte, 64))
		if !ok {
			break
		}
		f.submit(at, 64)
	}
	sum := 0
	b.ReportAllocs()
	for n := 0; n < b.N; {
		r.pos, r.stored = 0, 0
		k, _ := r.consume(b.N-n, func(rec Record) error { sum += int(rec.Data[0]); return nil })
		n += k
	}
}
