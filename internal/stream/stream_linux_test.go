package stream

import (
	"context"
	"errors"
	"iter"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// queue is a source whose records are numbers, and whose descriptor is a pipe that becomes readable
// with each.
type queue struct {
	mu       sync.Mutex
	numbers  []uint64
	released int
}

func (q *queue) Ready() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.numbers) > 0
}

func (q *queue) take() (n uint64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if ok = len(q.numbers) > 0; ok {
		n, q.numbers = q.numbers[0], q.numbers[1:]
	}
	return n, ok
}

func (q *queue) Drain(limit int, fn func(uint64) error) (n int, err error) {
	for n < limit && err == nil {
		number, ok := q.take()
		if !ok {
			break
		}
		n++
		err = fn(number)
	}
	return n, err
}

func (q *queue) Release() error {
	q.released++
	return nil
}

// reader adds to a Stream what the packages of rings add.
type reader struct {
	*Stream
	q *queue
}

func (r reader) Consume(fn func(uint64) error) (int, error) {
	if err := r.Enter(); err != nil {
		return 0, err
	}
	defer r.Leave()
	return r.q.Drain(1<<30, fn)
}

func (r reader) Poll(ctx context.Context, fn func(uint64) error) (int, error) {
	if err := r.Wait(ctx); err != nil {
		return 0, err
	}
	return r.Consume(fn)
}

func (r reader) Records(ctx context.Context) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		loop := r.Loop(ctx)
		defer loop.End()
		for loop.Next() {
			_, loop.Err = r.q.Drain(1<<30, func(n uint64) error { return loop.Step(yield(n)) })
		}
	}
}

// The oracle is the contract in testkit.Stream, which also applies to the kernel's rings.
func TestStream(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	q := &queue{}
	opened := 0
	busy := errors.New("busy")
	open := func() testkit.StreamReader[uint64] {
		opened++
		s, err := New("queue", busy, q)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Watch(int(in.Fd())); err != nil {
			t.Fatal(err)
		}
		return reader{s, q}
	}
	write := func(n uint64) {
		q.mu.Lock()
		q.numbers = append(q.numbers, n)
		q.mu.Unlock()
		out.Write([]byte{0})
	}
	testkit.Stream(t, open, write, func(n uint64) uint64 { return n }, busy)
	if q.released != opened {
		t.Errorf("%d sources released, %d were opened", q.released, opened)
	}
	s, err := New("queue", busy, q)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := s.Wait(context.Background()); err == nil ||
		err.Error() != "queue: file already closed" {
		t.Error(err)
	}
}

// held is a source that never has a record and in whose Ready a test can stop.
type held struct{ asked, answer chan struct{} }

func (h *held) Ready() bool {
	h.asked <- struct{}{}
	<-h.answer
	return false
}

func (h *held) Release() error { return nil }

// A deadline set after the context is done does not delay the end of the wait. The oracle is the
// contract: Wait returns the error of ctx.
func TestDeadlineAfterCancel(t *testing.T) {
	h := &held{make(chan struct{}), make(chan struct{})}
	s, err := New("held", errors.New("busy"), h)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Wait(ctx) }()
	<-h.asked // by the stream, before it waits
	h.answer <- struct{}{}
	<-h.asked // by the poller: the context is watched now
	cancel()
	testkit.UntilLeft(t, "poller.(*Poller).Wait.func1") // it ends the wait
	if err := s.SetDeadline(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	h.answer <- struct{}{}
	select {
	case err := <-done:
		if err != context.Canceled {
			t.Error(err)
		}
	case <-h.asked:
		t.Fatal("woken, but not by the context")
	case <-time.After(testkit.Patience(5 * time.Second)):
		t.Fatal("still waiting")
	}
	// The deadline set meanwhile applies to the next wait.
	if err := s.SetDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	go func() {
		for range 2 {
			<-h.asked
			h.answer <- struct{}{}
		}
	}()
	if err := s.Wait(context.Background()); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}
