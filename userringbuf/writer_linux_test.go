package userringbuf

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The oracle of these tests is testdata/drain.bpf.c, run by the kernel: it counts and sums what it
// receives.

// reserves is the function in which goroutines wait for room.
const reserves = "userringbuf.(*Writer).ReserveContext"

const (
	noWakeup    = 1 // BPF_RB_NO_WAKEUP
	forceWakeup = 2 // BPF_RB_FORCE_WAKEUP
)

func loadRing(t testing.TB, size uint32) *bpf.Object {
	t.Helper()
	testkit.Root(t)
	o, err := bpf.Open("testdata/drain.bpf.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Map("ring").MaxEntries = size
	obj, err := bpf.Load(o, nil)
	if err != nil && strings.Contains(fmt.Sprintf("%+v", err),
		"callbacks are not allowed in non-JITed programs") {
		testkit.Skip(t, "this kernel has no JIT compiler, and without it programs have no callbacks to drain a user ring buffer")
	}
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { obj.Close() })
	return obj
}

func newTestWriter(t testing.TB, obj *bpf.Object) *Writer {
	t.Helper()
	w, err := NewWriter(obj.Map("ring"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// drained is the program's report about what it drained.
type drained struct {
	result              int64
	samples, bytes      uint64
	words, sum, ordered uint64
}

// add does the same with a sample as the program.
func (d *drained) add(data []byte) {
	d.samples++
	d.bytes += uint64(len(data))
	for ; len(data) >= 8; data = data[8:] {
		d.word(binary.NativeEndian.Uint64(data))
	}
	for _, b := range data {
		d.word(uint64(b))
	}
}

func (d *drained) word(n uint64) {
	d.words++
	d.sum += n
	d.ordered += d.words * n
}

// drain makes the program drain limit samples, or all if that is 0.
func drain(t testing.TB, obj *bpf.Object, flags, limit uint64) drained {
	t.Helper()
	return drainBy(t, obj.Program("drain"), flags, limit)
}

func drainBy(t testing.TB, p *bpf.Program, flags, limit uint64) drained {
	t.Helper()
	raw := make([]byte, 8*8)
	binary.NativeEndian.PutUint64(raw, flags)
	binary.NativeEndian.PutUint64(raw[8:], limit)
	if _, err := p.Run(&bpf.RunOptions{Context: raw}); err != nil {
		t.Fatal(err)
	}
	word := func(i int) uint64 { return binary.NativeEndian.Uint64(raw[8*i:]) }
	return drained{int64(word(2)), word(3), word(4), word(5), word(6), word(7)}
}

// put submits a sample of size bytes derived from seed, and returns them.
func put(t testing.TB, w *Writer, size, seed int) []byte {
	t.Helper()
	s, err := w.Reserve(size)
	if err != nil {
		t.Fatalf("%d bytes: %v", size, err)
	}
	for i := range s.Data {
		s.Data[i] = byte(seed*7 + i)
	}
	data := append([]byte(nil), s.Data...)
	s.Submit()
	return data
}

// TestWriter checks that samples of all sizes arrive whole and in order, and discarded ones do not.
func TestWriter(t *testing.T) {
	obj := loadRing(t, 1<<20)
	w := newTestWriter(t, obj)
	if d := drain(t, obj, 0, 0); d != (drained{}) {
		t.Fatalf("from an empty ring: %+v", d)
	}
	var want drained
	for size := range 300 {
		want.add(put(t, w, size, size))
		if size%7 == 0 {
			s, err := w.Reserve(size)
			if err != nil {
				t.Fatal(err)
			}
			s.Discard()
		}
	}
	want.add(put(t, w, 4000, 1))
	want.result = 301
	if d := drain(t, obj, 0, 0); d != want {
		t.Errorf("drained %+v, want %+v", d, want)
	}
}

// TestWriterOrder checks that samples can be filled and ended in any order, and arrive in the order
// of reservation; a busy one holds up the rest.
func TestWriterOrder(t *testing.T) {
	obj := loadRing(t, 4096)
	w := newTestWriter(t, obj)
	var samples [4]Sample
	var want drained
	for i := range samples {
		var err error
		if samples[i], err = w.Reserve(9 * i); err != nil {
			t.Fatal(err)
		}
		for j := range samples[i].Data {
			samples[i].Data[j] = byte(10*i + j)
		}
		if i != 2 {
			want.add(samples[i].Data)
		}
	}
	for _, i := range []int{3, 1, 2} {
		end := samples[i].Submit
		if i == 2 {
			end = samples[i].Discard
		}
		if err := end(); err != nil {
			t.Error(err)
		}
		if samples[i].Submit() != ErrEnded || samples[i].Discard() != ErrEnded {
			t.Error("a second end is taken")
		}
		if d := drain(t, obj, 0, 0); d != (drained{}) {
			t.Fatalf("behind a busy sample: %+v", d)
		}
	}
	samples[0].Submit()
	want.result = 3
	if d := drain(t, obj, 0, 0); d != want {
		t.Errorf("drained %+v, want %+v", d, want)
	}
	if new(Sample).Submit() != ErrEnded || (*Sample)(nil).Discard() != ErrEnded {
		t.Error("a sample that was not reserved is submitted")
	}
}

// TestWriterFull checks that samples without room are refused, that each drained sample makes room
// for one, and that the ring wraps around.
func TestWriterFull(t *testing.T) {
	obj := loadRing(t, 4096)
	w := newTestWriter(t, obj)
	n := 0
	for ; n < 100; n++ {
		if s, err := w.Reserve(100); err == nil {
			s.Submit()
		} else if err != ErrFull || !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		} else {
			break
		}
	}
	if n != 4096/112 {
		t.Fatalf("%d samples of 112 bytes had room, want %d", n, 4096/112)
	}
	if d := drain(t, obj, 0, 0); d.samples != uint64(n) {
		t.Fatal(d)
	}
	var inside [][]byte
	for i := range 1000 { // crosses the end at all offsets
		for j := len(inside); j < 3; j++ {
			inside = append(inside, put(t, w, i*13%1300, i+j))
		}
		want := drained{result: 2}
		want.add(inside[0])
		want.add(inside[1])
		inside = inside[2:]
		if d := drain(t, obj, 0, 2); d != want {
			t.Fatalf("round %d: %+v, want %+v", i, d, want)
		}
	}
	drain(t, obj, 0, 0)
	// A sample as long as the ring.
	var want drained
	want.add(put(t, w, 4088, 5))
	want.result = 1
	if _, err := w.Reserve(0); err != ErrFull {
		t.Fatal(err)
	}
	if d := drain(t, obj, 0, 0); d != want {
		t.Fatalf("%+v, want %+v", d, want)
	}
	for _, size := range []int{4089, 1 << 30, math.MaxInt} {
		if _, err := w.Reserve(size); !errors.Is(err, syscall.E2BIG) ||
			!errors.Is(err, bpf.ErrTooBig) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if _, err := w.ReserveContext(context.Background(), size); !errors.Is(err, syscall.E2BIG) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if _, err := w.Reserve(-1); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}

// TestWriterLargest checks that the kernel can never drain a sample longer than Reserve allows.
func TestWriterLargest(t *testing.T) {
	obj := loadRing(t, 32<<20)
	w := newTestWriter(t, obj)
	if _, err := w.Reserve(maxSample + 1); !errors.Is(err, syscall.E2BIG) {
		t.Fatal(err)
	}
	s, err := w.Reserve(maxSample)
	if err != nil {
		t.Fatal(err)
	}
	s.Submit()
	if d := drain(t, obj, 0, 0); d.samples != 1 || d.result != 1 {
		t.Fatalf("%+v", d)
	}
	if s, err = w.Reserve(maxSample); err != nil {
		t.Fatal(err)
	}
	s.room.length++
	s.Submit()
	for range 2 {
		if d := drain(t, obj, 0, 0); d != (drained{result: -int64(syscall.E2BIG)}) {
			t.Fatalf("%+v", d)
		}
	}
}

// fill takes all room of a ring of 4096 bytes, 64 at a time.
func fill(t testing.TB, w *Writer) {
	t.Helper()
	for {
		s, err := w.Reserve(56)
		if err == ErrFull {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		s.Submit()
	}
}

// TestWriterWaits checks that a goroutine waiting for room is woken by a program that drains, by a
// context and by Close.
func TestWriterWaits(t *testing.T) {
	obj := loadRing(t, 4096)
	w := newTestWriter(t, obj)
	ctx := context.Background()
	short := testkit.Patience(20 * time.Millisecond)
	fill(t, w)
	brief, cancel := context.WithTimeout(ctx, short)
	defer cancel()
	for _, when := range []string{"done meanwhile", "done before"} {
		if _, err := w.ReserveContext(brief, 8); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("context %s: %v", when, err)
		}
	}
	for i := range 200 {
		done := make(chan error)
		go func() {
			s, err := w.ReserveContext(ctx, 56)
			s.Submit()
			done <- err
		}()
		if i%2 == 0 {
			testkit.UntilBlocked(t, reserves, 1)
		}
		if d := drain(t, obj, 0, 1); d.samples != 1 {
			t.Fatal(d)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(testkit.Patience(5 * time.Second)):
			t.Fatalf("round %d: not woken by a program that drained a sample", i)
		}
	}

	// Insufficient room does not end a wait.
	done := make(chan error, 1)
	reserve := func(size int) {
		s, err := w.ReserveContext(ctx, size)
		s.Discard()
		done <- err
	}
	go reserve(120)
	testkit.UntilBlocked(t, reserves, 1)
	drain(t, obj, 0, 1)
	select {
	case err := <-done:
		t.Fatal("128 bytes in a room of 64:", err)
	case <-time.After(short):
	}
	drain(t, obj, 0, 1)
	if err := <-done; err != nil {
		t.Fatal(err)
	}

	// A program with BPF_RB_NO_WAKEUP wakes nobody, and neither does one that drained nothing.
	fill(t, w)
	go reserve(56)
	testkit.UntilBlocked(t, reserves, 1)
	drain(t, obj, noWakeup, 1)
	select {
	case err := <-done:
		t.Fatal("woken by a program that said not to:", err)
	case <-time.After(short):
	}
	drain(t, obj, forceWakeup, 1)
	if err := <-done; err != nil {
		t.Fatal(err)
	}

	fill(t, w)
	const waiters = 5
	closed := make(chan error, waiters)
	for range waiters {
		go func() {
			_, err := w.ReserveContext(ctx, 56)
			closed <- err
		}()
	}
	testkit.UntilBlocked(t, reserves, waiters)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for range waiters {
		if err := <-closed; !errors.Is(err, bpf.ErrClosed) {
			t.Error("close:", err)
		}
	}
	if n := mappings(t); n != 0 {
		t.Errorf("%d mappings are left", n)
	}
}

// mappings returns the number of mappings of BPF maps in this process.
func mappings(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "anon_inode:bpf-map")
}

// TestWriterClose checks that samples reserved before Close can be filled and submitted, and that
// the memory is unmapped with the last one.
func TestWriterClose(t *testing.T) {
	obj := loadRing(t, 4096)
	w := newTestWriter(t, obj)
	if n := mappings(t); n != 2 {
		t.Fatalf("%d mappings, want 2", n)
	}
	first, err := w.Reserve(8)
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.ReserveContext(context.Background(), 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Reserve(8); !errors.Is(err, bpf.ErrClosed) {
		t.Error(err)
	}
	if _, err := w.ReserveContext(context.Background(), 8); !errors.Is(err, bpf.ErrClosed) {
		t.Error(err)
	}
	var want drained
	copy(first.Data, "abcdefgh")
	want.add(first.Data)
	first.Submit()
	if n := mappings(t); n != 2 {
		t.Errorf("%d mappings while a sample is reserved, want 2", n)
	}
	second.Discard()
	if n := mappings(t); n != 0 {
		t.Errorf("%d mappings after the last sample", n)
	}
	want.result = 1
	if d := drain(t, obj, 0, 0); d != want {
		t.Errorf("%+v, want %+v", d, want)
	}
	if err := w.Close(); err != nil {
		t.Error("second close:", err)
	}
	// Another writer continues where the first one ended.
	w = newTestWriter(t, obj)
	want = drained{result: 1}
	want.add(put(t, w, 100, 3))
	if d := drain(t, obj, 0, 0); d != want {
		t.Errorf("%+v, want %+v", d, want)
	}
}

// TestWriterCloseBesideWakeUp: a program wakes a goroutine that waits for room at the moment when
// the writer is closed. The oracle is that both return: they meet at the lock.
func TestWriterCloseBesideWakeUp(t *testing.T) {
	obj := loadRing(t, 4096)
	w, err := NewWriter(obj.Map("ring"), nil) // no cleanup, which would wait too
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.Reserve(8) // busy, so that a program wakes the goroutine without making room
	if err != nil {
		t.Fatal(err)
	}
	fill(t, w)
	waited, closed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := w.ReserveContext(context.Background(), 56)
		waited <- err
	}()
	testkit.UntilBlocked(t, reserves, 1)
	w.mu.Lock()
	go func() { closed <- w.Close() }()
	testkit.UntilBlocked(t, "userringbuf.(*Writer).Close", 1)
	drain(t, obj, forceWakeup, 0)
	testkit.UntilBlockedOn(t, reserves, "sync.Mutex.Lock", 1)
	w.mu.Unlock()
	for _, end := range []struct {
		what string
		err  chan error
		want error
	}{{"Close", closed, nil}, {"ReserveContext", waited, bpf.ErrClosed}} {
		select {
		case err := <-end.err:
			if !errors.Is(err, end.want) {
				t.Errorf("%s: %v", end.what, err)
			}
		case <-time.After(testkit.Patience(5 * time.Second)):
			t.Fatalf("%s doesn't return", end.what)
		}
	}
	s.Discard()
	if n := mappings(t); n != 0 {
		t.Errorf("%d mappings are left", n)
	}
}

// TestWriterConcurrent checks that everything arrives whole while goroutines reserve, fill and
// submit at the same time and the ring is drained.
func TestWriterConcurrent(t *testing.T) {
	obj := loadRing(t, 4096)
	w := newTestWriter(t, obj)
	const writers, each, words = 8, 500, 3
	var want atomic.Uint64 // the sum of all words
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for n := range each {
				s, err := w.ReserveContext(context.Background(), words*8)
				if err != nil {
					t.Error(err)
					return
				}
				word := uint64(i*each+n) << 20
				for j := range words {
					binary.NativeEndian.PutUint64(s.Data[8*j:], word)
				}
				if n%5 == 4 {
					s.Discard()
					continue
				}
				want.Add(words * word)
				s.Submit()
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var got drained
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		d := drain(t, obj, 0, 0)
		if d.result < 0 || d.result != int64(d.samples) {
			t.Fatalf("%+v", d)
		}
		got.samples += d.samples
		got.bytes += d.bytes
		got.sum += d.sum
	}
	if n := uint64(writers * each * 4 / 5); got.samples != n || got.bytes != n*words*8 ||
		got.sum != want.Load() {
		t.Errorf("%+v, want %d samples and a sum of %d", got, n, want.Load())
	}
}

// TestWriterDiscarded checks that a program that drains discarded samples wakes a goroutine that
// waits for room, though it counts none.
func TestWriterDiscarded(t *testing.T) {
	obj := loadRing(t, 4096)
	w := newTestWriter(t, obj)
	for {
		s, err := w.Reserve(56)
		if err == ErrFull {
			break
		}
		s.Discard()
	}
	done := make(chan error, 1)
	go func() {
		s, err := w.ReserveContext(context.Background(), 56)
		s.Submit()
		done <- err
	}()
	testkit.UntilBlocked(t, reserves, 1)
	if d := drain(t, obj, 0, 0); d != (drained{}) {
		t.Errorf("%+v", d)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(testkit.Patience(5 * time.Second)):
		t.Error("not woken")
	}
}

func TestWriterRefuses(t *testing.T) {
	obj := loadRing(t, 4096)
	if _, err := NewWriter(obj.Map("nothing"), nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	other, err := bpf.Open("../ringbuf/testdata/ring.bpf.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := bpf.Load(other, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	if _, err := NewWriter(loaded.Map("events"), nil); !errors.Is(err, syscall.EINVAL) {
		t.Error("a ring buffer of the other direction:", err)
	}
	m := obj.Map("ring")
	obj.Close()
	if _, err := NewWriter(m, nil); err == nil {
		t.Error("a closed map was mapped")
	}
}

// TestWriterOutlivesObject checks that the ring stays mapped and watched when the object is closed.
func TestWriterOutlivesObject(t *testing.T) {
	obj := loadRing(t, 4096)
	w := newTestWriter(t, obj)
	program, err := obj.Program("drain").Clone(nil) // shares the map
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if err := obj.Close(); err != nil {
		t.Fatal(err)
	}
	fill(t, w)
	done := make(chan error)
	go func() {
		s, err := w.ReserveContext(context.Background(), 8)
		s.Submit()
		done <- err
	}()
	testkit.UntilBlocked(t, reserves, 1)
	if d := drainBy(t, program, 0, 1); d.samples != 1 {
		t.Fatalf("%+v", d)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestWriterAllocs(t *testing.T) {
	obj := loadRing(t, 1<<20)
	w := newTestWriter(t, obj)
	ctx := context.Background()
	allocs := testing.AllocsPerRun(100, func() {
		s, err := w.Reserve(64)
		if err != nil {
			t.Fatal(err)
		}
		s.Data[0] = 1
		s.Submit()
		if s, err = w.ReserveContext(ctx, 64); err != nil {
			t.Fatal(err)
		}
		s.Discard()
	})
	if allocs > 0 {
		t.Errorf("%v allocations for two samples", allocs)
	}
	fill := func() (err error) {
		for err == nil {
			var s Sample
			s, err = w.Reserve(64)
			s.Submit()
		}
		return err
	}
	if allocs := testing.AllocsPerRun(10, func() { fill() }); allocs > 0 {
		t.Errorf("%v allocations for finding no room", allocs)
	}
}

// BenchmarkWriter reserves, fills and submits one sample of 64 bytes; a program drains 1,000 at a
// time.
func BenchmarkWriter(b *testing.B) {
	obj := loadRing(b, 1<<20)
	w := newTestWriter(b, obj)
	b.ReportAllocs()
	for n := 0; n < b.N; n += 1000 {
		for range 1000 {
			s, err := w.Reserve(64)
			if err != nil {
				b.Fatal(err)
			}
			s.Data[0] = byte(n)
			s.Submit()
		}
		b.StopTimer()
		drain(b, obj, noWakeup, 0)
		b.StartTimer()
	}
}
