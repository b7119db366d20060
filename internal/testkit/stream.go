package testkit

import (
	"context"
	"errors"
	"iter"
	"os"
	"testing"
	"time"
)

// StreamReader is what readers of event streams have in common.
type StreamReader[R any] interface {
	Consume(func(R) error) (int, error)
	Wait(context.Context) error
	Poll(context.Context, func(R) error) (int, error)
	Records(context.Context) iter.Seq[R]
	Err() error
	SetDeadline(time.Time) error
	Close() error
}

// Stream checks what all readers of event streams guarantee: a waiting reader is woken by a record,
// a deadline, a context and Close, and nobody else reads meanwhile. open returns a reader of the
// same rings, write appends a record that contains a number, number reads it back, busy is the
// error for a second reader. The oracle is the order of the numbers.
func Stream[R any](t *testing.T, open func() StreamReader[R], write func(n uint64),
	number func(R) uint64, busy error) {
	t.Helper()
	ctx := context.Background()
	t.Run("waits", func(t *testing.T) {
		r := open()
		defer r.Close()
		if err := r.SetDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if err := r.Wait(ctx); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("deadline:", err)
		}
		for range r.Records(ctx) {
			t.Fatal("a record from nowhere")
		}
		if err := r.Err(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("deadline in a loop:", err)
		}
		r.SetDeadline(time.Time{})
		short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		for _, when := range []string{"done meanwhile", "done before"} {
			if err := r.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("context %s: %v", when, err)
			}
		}
		for i := range uint64(200) {
			go func() {
				if i%2 == 0 {
					UntilBlocked(t, ".Poll", 1)
				}
				write(i)
			}()
			got := uint64(1 << 60)
			wait, cancel := context.WithTimeout(ctx, Patience(5*time.Second))
			if n, err := r.Poll(wait, func(rec R) error {
				got = number(rec)
				return nil
			}); n != 1 || err != nil || got != i {
				t.Fatalf("record %d: n %d, got %d, %v", i, n, got, err)
			}
			cancel()
		}
	})
	t.Run("error", func(t *testing.T) {
		r := open()
		defer r.Close()
		for n := range uint64(10) {
			write(n)
		}
		stop := errors.New("stop")
		n, err := r.Consume(func(rec R) error {
			if number(rec) == 3 {
				return stop
			}
			return nil
		})
		if n != 4 || err != stop {
			t.Fatal(n, err)
		}
		first := uint64(1 << 60)
		if n, err := r.Consume(func(rec R) error {
			first = min(first, number(rec))
			return nil
		}); n != 6 || err != nil || first != 4 {
			t.Fatalf("%d records after the failure at 3, the first is %d, %v", n, first, err)
		}
	})
	t.Run("loop", func(t *testing.T) {
		r := open()
		defer r.Close()
		for n := range uint64(10) {
			write(n)
		}
		want := uint64(0)
		for rec := range r.Records(ctx) {
			if number(rec) != want {
				t.Fatalf("record %d, want %d", number(rec), want)
			}
			if want++; want == 3 {
				break
			}
		}
		if r.Err() != nil {
			t.Fatal("left by its body:", r.Err())
		}
		ending, end := context.WithCancel(ctx)
		defer end()
		for range r.Records(ending) {
			if want++; want == 6 {
				end()
			}
		}
		if !errors.Is(r.Err(), context.Canceled) || want != 6 {
			t.Fatal("context:", want, r.Err())
		}
		for rec := range r.Records(ctx) {
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if number(rec) != want { // its memory still exists
				t.Fatalf("record %d, want %d", number(rec), want)
			}
			want++
		}
		if !errors.Is(r.Err(), os.ErrClosed) || want != 7 {
			t.Fatal("close:", want, r.Err())
		}
		rest := open() // of a ring that outlives its reader
		defer rest.Close()
		rest.Consume(func(R) error { return nil })
	})
	t.Run("close", func(t *testing.T) {
		r := open()
		done := make(chan error)
		go func() { done <- r.Wait(ctx) }()
		UntilBlocked(t, "stream.(*Stream).Wait", 1)
		if err := r.Wait(ctx); !errors.Is(err, busy) {
			t.Error("second reader:", err)
		}
		if _, err := r.Consume(nil); !errors.Is(err, busy) {
			t.Error("second reader consumes:", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, os.ErrClosed) {
			t.Error("close:", err)
		}
		if _, err := r.Consume(nil); !errors.Is(err, os.ErrClosed) {
			t.Error("consume after close:", err)
		}
		for range r.Records(ctx) {
			t.Error("a record after close")
		}
		if !errors.Is(r.Err(), os.ErrClosed) {
			t.Error("records after close:", r.Err())
		}
		if err := r.Close(); err != nil {
			t.Error("second close:", err)
		}
	})
}
