package ringbuf

import (
	"context"
	"iter"
	"math"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/stream"
)

// ReaderOf reads ring buffers whose records are all of type T.
type ReaderOf[T any] struct {
	r     *Reader
	typed stream.Typed[T]
}

// SizeError reports a record that is too short for a T. It was consumed; reading may go on.
type SizeError = stream.SizeError

// NewReaderOf is NewReader for records of one type. record is what C calls it: "struct event" or
// "event". NewReaderOf checks with the object's BTF that T has its layout, as bpf.MapOf does for
// values. If record is empty, only the size of each record is checked. The error is EINVAL if the
// layouts differ. The caller closes the ReaderOf.
func NewReaderOf[T any](m *bpf.Map, record string, opts *Options) (*ReaderOf[T], error) {
	if err := m.Err(); err != nil {
		return nil, err
	}
	t := new(ReaderOf[T])
	if err := t.typed.Prove(m.BTF(), record); err != nil {
		return nil, &bpf.Error{Op: "read ring buffer", Subject: m.Name(), Err: err}
	}
	var err error
	if t.r, err = NewReader(m, opts); err != nil {
		return nil, err
	}
	return t, nil
}

// Reader returns the reader of bytes, with which to wait, set a deadline or add ring buffers. It is
// the same reader: what one consumes the other doesn't see.
func (t *ReaderOf[T]) Reader() *Reader {
	if t == nil {
		return nil
	}
	return t.r
}

// Close ends reading, as Reader.Close does.
func (t *ReaderOf[T]) Close() error { return t.Reader().Close() }

// Consume calls fn for every record that is available now, without waiting, and returns their
// number. A record is a view into the ring, valid until fn returns, and read-only: writing to it
// ends the process. Copy what you keep or change. Consume
// returns after the first record for which fn returns an error, or which is too short for a T (the
// error is a *SizeError); the next call continues behind that record.
func (t *ReaderOf[T]) Consume(fn func(*T) error) (int, error) {
	r := t.Reader()
	if err := r.life().Enter(); err != nil {
		return 0, err
	}
	defer r.life().Leave()
	return r.rings.Drain(math.MaxInt, func(record Record) error {
		if value := t.typed.View(record.Data); value != nil {
			return fn(value)
		}
		return t.short(record)
	})
}

// Poll waits for a record and then calls fn for every available one.
func (t *ReaderOf[T]) Poll(ctx context.Context, fn func(*T) error) (int, error) {
	if err := t.Reader().Wait(ctx); err != nil {
		return 0, err
	}
	return t.Consume(fn)
}

// Records yields records as they arrive, and waits in between. A record is a view into the ring,
// valid in the loop's body, and read-only as for Consume. A record that is too short for a T yields
// a *SizeError, after which the loop goes on. Any other error is the last one: of ctx or a
// deadline, bpf.ErrClosed, a *CorruptError.
func (t *ReaderOf[T]) Records(ctx context.Context) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		err := t.Reader().each(ctx, func(record Record) bool {
			value, err := t.typed.View(record.Data), error(nil)
			if value == nil {
				err = t.short(record)
			}
			return yield(value, err)
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// short counts a record that is too short and returns the error. The reader's own goroutine calls
// it, so the list of rings doesn't change.
func (t *ReaderOf[T]) short(record Record) error {
	return t.typed.Short(t.r.rings.list[record.Ring].name, record.Data)
}

// Malformed returns how many records were too short for a T.
func (t *ReaderOf[T]) Malformed() uint64 {
	if t == nil {
		return 0
	}
	return t.typed.Malformed()
}
