package userringbuf

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"
)

// fakeRing is a user ring buffer whose consumer is the test. The oracle is how the kernel drains
// one (kernel/bpf/ringbuf.c): a header of a 32-bit length with busy and discard bits and 32 bits of
// zero, samples padded to 8, positions that only grow. The data is not mapped twice here: the rest
// of a sample that crosses the end follows it in memory.
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

// drain returns the next sample that is not discarded; ok is false if there is none or it is busy.
func (f *fakeRing) drain() (sample []byte, ok bool) {
	for f.consumer != f.producer {
		at := f.consumer % f.size
		header := binary.NativeEndian.Uint32(f.data[at:])
		if header&busyBit != 0 {
			return nil, false
		}
		length := uintptr(header &^ discardBit)
		f.consumer += (length + 8 + 7) / 8 * 8
		if header&discardBit == 0 {
			return f.data[at+8 : at+8+length], true
		}
	}
	return nil, false
}

// TestRingModel reserves random samples, ends them in random order, some by discarding, and checks
// what the consumer receives, in which order, and when there is room.
func TestRingModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	// the second wraps the positions themselves around
	for _, start := range []uintptr{0, ^uintptr(0) - 5007} {
		f, r := newFakeRing(t, 4096)
		f.consumer, f.producer = start&^7, start&^7
		type held struct {
			header *uint32
			data   []byte
			state  string
		}
		var samples []*held // reserved and not drained, in order
		used, full, drained := uintptr(0), 0, 0
		for step := range 50000 {
			if rnd.IntN(2) == 0 {
				size := rnd.IntN(300)
				total := uintptr(size+15) / 8 * 8
				header, err := r.reserve(size)
				if fits := used+total <= 4096; fits != (err == nil) || !fits && err != ErrFull {
					t.Fatalf("step %d: %d bytes with %d in use: %v", step, size, used, err)
				}
				if err != nil {
					full++
				} else {
					s := &held{header, body(header, size), "busy"}
					for i := range s.data {
						s.data[i] = byte(step + i)
					}
					if len(s.data) != size || *header != uint32(size)|busyBit {
						t.Fatalf("step %d: %d bytes, header %#x", step, len(s.data), *header)
					}
					samples = append(samples, s)
					used += total
				}
			}
			if len(samples) > 0 && rnd.IntN(2) == 0 {
				s := samples[rnd.IntN(len(samples))]
				if s.state == "busy" {
					s.state = "submitted"
					flag := uint32(0)
					if rnd.IntN(5) == 0 {
						s.state, flag = "discarded", discardBit
					}
					*s.header = uint32(len(s.data)) | flag
				}
			}
			for rnd.IntN(3) == 0 {
				for len(samples) > 0 && samples[0].state == "discarded" {
					used -= uintptr(len(samples[0].data)+15) / 8 * 8
					samples = samples[1:]
				}
				got, ok := f.drain()
				if want := len(samples) > 0 && samples[0].state == "submitted"; want != ok {
					t.Fatalf("step %d: drained %v, want %v", step, ok, want)
				}
				if !ok {
					break
				}
				if string(got) != string(samples[0].data) {
					t.Fatalf("step %d: drained %x, want %x", step, got, samples[0].data)
				}
				used -= uintptr(len(got)+15) / 8 * 8
				samples = samples[1:]
				drained++
			}
			if free, _, err := r.room(); free != 4096-used || err != nil {
				t.Fatalf("step %d: %d free, want %d, %v", step, free, 4096-used, err)
			}
		}
		if full < 1000 || drained < 1000 {
			t.Errorf("full %d times, %d samples drained", full, drained)
		}
	}
}

// TestRingSizes checks the limits of libbpf's user_ring_buffer__reserve, and the kernel's for
// dynptrs.
func TestRingSizes(t *testing.T) {
	for _, c := range []struct {
		ring, size int
		want       error
	}{
		{4096, 0, nil}, {4096, 4088, nil}, {4096, 4089, syscall.E2BIG},
		{4096, 1 << 30, syscall.E2BIG}, {4096, -1, syscall.EINVAL},
		{32 << 20, 1<<24 - 1, nil}, {32 << 20, 1 << 24, syscall.E2BIG},
	} {
		f, r := newFakeRing(t, c.ring)
		_, err := r.reserve(c.size)
		if err != c.want || err != nil && f.producer != 0 {
			t.Errorf("%d bytes in a ring of %d: %v, want %v", c.size, c.ring, err, c.want)
		}
		if err == nil && c.size == 4088 {
			if _, err := r.reserve(0); err != ErrFull || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("in a full ring: %v", err)
			}
		}
	}
	for _, size := range []int{0, 8, 24, 6000, 4096*2 + 1} {
		if _, err := newRing(new(uintptr), new(uintptr), make([]byte, size)); err == nil {
			t.Errorf("%d bytes were accepted as a ring", size)
		}
	}
}

// TestRingCorrupt checks that with positions that something else must have written nothing is
// reserved or accessed.
func TestRingCorrupt(t *testing.T) {
	for _, c := range []struct{ consumer, producer uintptr }{{8, 0}, {0, 4104}, {0, 4},
		{1 << 20, 0}, {0, ^uintptr(0) - 7}} {
		f, r := newFakeRing(t, 4096)
		f.consumer, f.producer = c.consumer, c.producer
		var corrupt *CorruptError
		if _, err := r.reserve(8); !errors.As(err, &corrupt) ||
			corrupt.Producer != uint64(c.producer) || f.producer != c.producer {
			t.Errorf("%+v: %v", c, err)
		}
		for _, b := range f.data {
			if b != 0 {
				t.Fatalf("%+v: written to", c)
			}
		}
	}
}

// FuzzRing checks that for any positions a sample lies inside the ring and has the requested
// length.
func FuzzRing(f *testing.F) {
	f.Add(uint64(0), uint64(0), 8)
	f.Add(uint64(1<<64-8), uint64(16), 200)
	f.Add(uint64(40), uint64(20), 248)
	f.Fuzz(func(t *testing.T, consumer, producer uint64, size int) {
		fake, r := newFakeRing(t, 256)
		fake.consumer, fake.producer = uintptr(consumer), uintptr(producer)
		header, err := r.reserve(size)
		if err != nil {
			if fake.producer != uintptr(producer) {
				t.Fatal("the producer was moved:", err)
			}
			return
		}
		at := uintptr(unsafe.Pointer(header)) - uintptr(unsafe.Pointer(&fake.data[0]))
		if at%8 != 0 || at >= 256 || at+8+uintptr(size) > 512 ||
			fake.producer-fake.consumer > 256 || len(body(header, size)) != size {
			t.Fatalf("%d bytes at %d, positions %d and %d", size, at, fake.consumer, fake.producer)
		}
	})
}

// BenchmarkReserve reserves and submits one sample of 64 bytes in memory that is in the cache,
// without a Writer.
func BenchmarkReserve(b *testing.B) {
	f, r := newFakeRing(b, 128<<10)
	b.ReportAllocs()
	for range b.N {
		header, err := r.reserve(64)
		if err != nil {
			b.Fatal(err)
		}
		*header = 64
		f.consumer = f.producer
	}
}
