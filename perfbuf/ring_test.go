package perfbuf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// fakeRing is a perf ring whose producer is the test. The oracle is the layout in
// include/uapi/linux/perf_event.h: a header of type, misc and size; samples of a 32-bit length and
// bytes, lost records of an id and a count.
type fakeRing struct {
	head, tail uint64
	data       []byte
}

func newFakeRing(t testing.TB, size int, at uint64) (*fakeRing, *ring) {
	t.Helper()
	f := &fakeRing{data: make([]byte, size), head: at, tail: at}
	r, err := newRing(&f.head, &f.tail, f.data, 3)
	if err != nil {
		t.Fatal(err)
	}
	return f, r
}

// write appends a record; false if there is no room.
func (f *fakeRing) write(kind uint32, body []byte) bool {
	raw := binary.NativeEndian.AppendUint32(nil, kind)
	raw = binary.NativeEndian.AppendUint16(raw, 0)
	raw = binary.NativeEndian.AppendUint16(raw, uint16(8+len(body)))
	raw = append(raw, body...)
	if f.head-f.tail+uint64(len(raw)) > uint64(len(f.data)) {
		return false
	}
	for i, c := range raw {
		f.data[(f.head+uint64(i))%uint64(len(f.data))] = c
	}
	f.head += uint64(len(raw))
	return true
}

func sample(data []byte) []byte {
	for (len(data)+4)%8 != 0 {
		data = append(data, 0)
	}
	return append(binary.NativeEndian.AppendUint32(nil, uint32(len(data))), data...)
}

func lost(n uint64) []byte {
	return binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, 42), n)
}

// TestRingModel writes random samples and lost records, many of which cross the end, and compares
// the output.
func TestRingModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	// the second wraps the positions themselves around
	for _, start := range []uint64{0, math.MaxUint64 - 4095} {
		f, r := newFakeRing(t, 4096, start)
		type seen struct {
			data []byte
			lost uint64
		}
		var want []seen
		joins := 0
		for step := range 20000 {
			data := make([]byte, rnd.IntN(300))
			for i := range data {
				data[i] = byte(step * i)
			}
			crosses := f.head%4096+uint64(len(data))+12 > 4096
			if rnd.IntN(10) == 0 {
				if f.write(recordLost, lost(uint64(step))) {
					want = append(want, seen{lost: uint64(step)})
				}
			} else if body := sample(data); f.write(recordSample, body) {
				want = append(want, seen{data: body[4:]})
				if crosses {
					joins++
				}
			}
			if rnd.IntN(4) != 0 {
				continue
			}
			limit := 1 + rnd.IntN(40)
			n, err := r.consume(limit, func(rec Record) error {
				if len(want) == 0 || rec.CPU != 3 || rec.Lost != want[0].lost ||
					!bytes.Equal(rec.Data, want[0].data) {
					t.Fatalf("step %d: got %+v, want %+v", step, rec, want)
				}
				want = want[1:]
				return nil
			})
			if err != nil || n < limit && (len(want) > 0 || f.tail != f.head || r.ready()) ||
				f.tail != r.pos {
				t.Fatalf("step %d: n %d of %d, %d left, tail %d, head %d, err %v",
					step, n, limit, len(want), f.tail, f.head, err)
			}
		}
		if joins < 100 {
			t.Errorf("only %d records crossed the end", joins)
		}
	}
}

func TestRingStopAndPanic(t *testing.T) {
	f, r := newFakeRing(t, 4096, 0)
	for i := range 3 {
		f.write(recordSample, sample([]byte{byte(i)}))
	}
	stop := errors.New("stop")
	n, err := r.consume(10, func(rec Record) error {
		if rec.Data[0] == 1 {
			return stop
		}
		return nil
	})
	if n != 2 || err != stop || f.tail != 32 {
		t.Fatal(n, err, f.tail)
	}
	func() {
		defer func() { recover() }()
		r.consume(10, func(Record) error { panic("x") })
	}()
	if f.tail != f.head {
		t.Fatal(f.tail, f.head)
	}
}

// TestRingCorrupt checks that records that the kernel cannot have written end reading with an
// error.
func TestRingCorrupt(t *testing.T) {
	for what, write := range map[string]func(f *fakeRing){
		"unknown type": func(f *fakeRing) { f.write(77, sample(nil)) },
		"size 0": func(f *fakeRing) {
			f.write(recordSample, sample(nil))
			f.data[6], f.data[7] = 0, 0
		},
		"crooked size": func(f *fakeRing) {
			f.write(recordSample, sample(nil))
			f.data[6] = 15
			f.data[7] = 15
		},
		"size beyond head": func(f *fakeRing) {
			f.write(recordSample, sample(nil))
			f.data[6], f.data[7] = 0xf0, 0xf0
		},
		"length beyond size": func(f *fakeRing) {
			f.write(recordSample, []byte{200, 0, 0, 0, 0, 0, 0, 0})
		},
		"empty sample":      func(f *fakeRing) { f.write(recordSample, nil) },
		"short lost record": func(f *fakeRing) { f.write(recordLost, make([]byte, 8)) },
	} {
		f, r := newFakeRing(t, 4096, 0)
		write(f)
		_, err := r.consume(10, func(rec Record) error {
			t.Errorf("%s: %+v handed out", what, rec)
			return nil
		})
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || corrupt.CPU != 3 {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := newRing(new(uint64), new(uint64), make([]byte, 3000), 0); err == nil {
		t.Error("a size that is not a power of two was accepted")
	}
}

// FuzzRing checks that reading stays inside the ring and ends, whatever the ring contains.
func FuzzRing(f *testing.F) {
	fake, _ := newFakeRing(f, 4096, 0)
	fake.write(recordSample, sample([]byte("hello")))
	fake.write(recordLost, lost(3))
	f.Add(fake.data[:64], uint64(64), uint64(0))
	f.Fuzz(func(t *testing.T, content []byte, head, tail uint64) {
		data := make([]byte, 256)
		copy(data, content)
		tail &^= 7
		head = tail + head%257
		r, err := newRing(&head, &tail, data, 0)
		if err != nil {
			t.Fatal(err)
		}
		r.consume(1000, func(rec Record) error {
			if len(rec.Data) > 256 {
				t.Fatal(len(rec.Data))
			}
			return nil
		})
	})
}

// BenchmarkConsume delivers one sample of 64 bytes from memory that is in the cache.
func BenchmarkConsume(b *testing.B) {
	f, r := newFakeRing(b, 128<<10, 0)
	for f.write(recordSample, sample(make([]byte, 64))) {
	}
	sum := 0
	b.ReportAllocs()
	for n := 0; n < b.N; {
		r.pos, r.stored = 0, 0
		k, _ := r.consume(b.N-n, func(rec Record) error { sum += int(rec.Data[0]); return nil })
		n += k
	}
}
