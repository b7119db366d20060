package perfbuf

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/stream"
)

// ReaderOf reads perf buffers whose records are all of type T.
type ReaderOf[T any] struct {
	r     *Reader
	typed stream.Typed[T]
	name  string // of the map
	cpu   int
}

// SizeError reports a record that is too short for a T. It was consumed; reading may go on.
type SizeError = stream.SizeError

// LostError reports records for which there was no room. Reading may go on.
type LostError struct {
	Map   string
	CPU   int
	Count uint64
}

// Error says how many records of which CPU were lost.
func (e *LostError) Error() string {
	return fmt.Sprintf("%s: %d records of CPU %d were lost", e.Map, e.Count, e.CPU)
}

// NewReaderOf is NewReader for records of one type. record is what C calls it: "struct event" or
// "event". NewReaderOf checks with the object's BTF that T has its layout, as bpf.MapOf does for
// values. If record is empty, only the size of each record is checked. The error is EINVAL if the
// layouts differ. The caller closes the ReaderOf.
func NewReaderOf[T any](m *bpf.Map, record string, opts *Options) (*ReaderOf[T], error) {
	if err := m.Err(); err != nil {
		return nil, err
	}
	t := &ReaderOf[T]{name: m.Name()}
	if err := t.typed.Prove(m.BTF(), record); err != nil {
		return nil, &bpf.Error{Op: "read perf buffer", Subject: m.Name(), Err: err}
	}
	var err error
	if t.r, err = NewReader(m, opts); err != nil {
		return nil, err
	}
	return t, nil
}

// Reader returns the reader of bytes, with which to wait, set a deadline or ask for the CPUs. It
// is the same reader: what one consumes the other doesn't see.
func (t *ReaderOf[T]) Reader() *Reader {
	if t == nil {
		return nil
	}
	return t.r
}

// Close ends reading, as Reader.Close does.
func (t *ReaderOf[T]) Close() error { return t.Reader().Close() }

// Consume calls fn for every record that is available now, without waiting, and returns their
// number. A record is a view into the ring, or a copy if it isn't aligned for a T; either is valid
// until fn returns: copy what you keep. Consume returns after the first record for which fn returns
// an error, which is too short for a T (the error is a *SizeError), or which counts lost ones (a
// *LostError); the next call continues behind that record.
func (t *ReaderOf[T]) Consume(fn func(*T) error) (int, error) {
	r := t.Reader()
	if err := r.life().Enter(); err != nil {
		return 0, err
	}
	defer r.life().Leave()
	return r.events.Drain(math.MaxInt, func(record Record) error {
		value, err := t.view(record)
		if err != nil {
			return err
		}
		return fn(value)
	})
}

// Poll waits for a record and then calls fn for every available one.
func (t *ReaderOf[T]) Poll(ctx context.Context, fn func(*T) error) (int, error) {
	if err := t.Reader().Wait(ctx); err != nil {
		return 0, err
	}
	return t.Consume(fn)
}

// Records yields records as they arrive, and waits in between. A record is valid in the loop's
// body: copy what you keep. A record that is too short for a T yields a *SizeError, and lost
// records a *LostError; the loop then goes on. Any other error is the last one: of ctx or a
// deadline, bpf.ErrClosed, a *CorruptError, a *CPUError.
func (t *ReaderOf[T]) Records(ctx context.Context) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		err := t.Reader().each(ctx, func(record Record) bool { return yield(t.view(record)) })
		if err != nil {
			yield(nil, err)
		}
	}
}

// view returns a record as a T.
func (t *ReaderOf[T]) view(record Record) (*T, error) {
	t.cpu = record.CPU
	if record.Lost > 0 {
		return nil, &LostError{Map: t.name, CPU: record.CPU, Count: record.Lost}
	}
	if value := t.typed.View(record.Data); value != nil {
		return value, nil
	}
	return nil, t.typed.Short(t.name, record.Data)
}

// CPU returns the CPU of the record that was delivered last, for the function or loop body that
// received it.
func (t *ReaderOf[T]) CPU() int {
	if t == nil {
		return 0
	}
	return t.cpu
}

// Malformed returns how many records were too short for a T.
func (t *ReaderOf[T]) Malformed() uint64 {
	if t == nil {
		return 0
	}
	return t.typed.Malformed()
}
