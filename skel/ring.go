package skel

import (
	"context"
	"iter"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/perfbuf"
	"github.com/purebpf/bpf/ringbuf"
	"github.com/purebpf/bpf/userringbuf"
)

// Ring is a ring buffer whose records are of type T, which is [Raw] if the object doesn't say what
// type they have.
type Ring[T any] struct {
	m       *bpf.Map
	readers *readers
}

// Raw stands for the type of records if the object doesn't give it. Bytes yields such records.
type Raw struct{}

// Map returns the map itself.
func (r *Ring[T]) Map() *bpf.Map {
	if r == nil {
		return nil
	}
	return r.m
}

// set returns the readers of the skeleton, nil for a nil Ring, of which there is no reader.
func (r *Ring[T]) set() *readers {
	if r == nil {
		return nil
	}
	return r.readers
}

// Records yields records as they arrive, and waits in between, until ctx is done or the skeleton is
// closed; those of a subskeleton, until ctx is done. A record is a view into the ring, valid in the
// loop's body, and read-only: writing to it ends the process. Copy what you keep or change. A
// record that is too short for a T yields a *ringbuf.SizeError, after which the loop goes on. Any
// other error is the last one and ends the loop; after Close it is bpf.ErrClosed.
func (r *Ring[T]) Records(ctx context.Context) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		reader, err := ringbuf.NewReaderOf[T](r.Map(), "", nil) // Open compared the layouts
		if err := r.set().add(reader, err); err != nil {
			yield(nil, err)
			return
		}
		defer r.readers.end(reader)
		reader.Records(ctx)(yield)
	}
}

// Bytes is like Records but yields the bytes of the records.
func (r *Ring[T]) Bytes(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		reader, err := ringbuf.NewReader(r.Map(), nil)
		if err := r.set().add(reader, err); err != nil {
			yield(nil, err)
			return
		}
		defer r.readers.end(reader)
		for rec := range reader.Records(ctx) {
			if !yield(rec.Data, nil) {
				return
			}
		}
		if err := reader.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// PerfBuf is a perf buffer whose records are of type T, which is [Raw] if the object doesn't say
// what type they have.
type PerfBuf[T any] struct {
	m       *bpf.Map
	readers *readers
}

// Map returns the map itself.
func (p *PerfBuf[T]) Map() *bpf.Map {
	if p == nil {
		return nil
	}
	return p.m
}

// set returns the readers of the skeleton, nil for a nil PerfBuf, of which there is no reader.
func (p *PerfBuf[T]) set() *readers {
	if p == nil {
		return nil
	}
	return p.readers
}

// Records yields records as they arrive, and waits in between, until ctx is done or the skeleton is
// closed; those of a subskeleton, until ctx is done. A record is a view, valid in the loop's body:
// copy what you keep. After lost records it yields a *perfbuf.LostError and goes on, as after a
// record that is too short. Any other error is the last one, as for [Ring.Records]. opts may be
// nil.
func (p *PerfBuf[T]) Records(ctx context.Context, opts *perfbuf.Options) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		reader, err := perfbuf.NewReaderOf[T](p.Map(), "", opts) // Open compared the layouts
		if err := p.set().add(reader, err); err != nil {
			yield(nil, err)
			return
		}
		defer p.readers.end(reader)
		reader.Records(ctx)(yield)
	}
}

// Bytes is like Records but yields the bytes of the records, including the kernel's padding at the
// end.
func (p *PerfBuf[T]) Bytes(ctx context.Context, opts *perfbuf.Options) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		reader, err := perfbuf.NewReader(p.Map(), opts)
		if err := p.set().add(reader, err); err != nil {
			yield(nil, err)
			return
		}
		defer p.readers.end(reader)
		for rec := range reader.Records(ctx) {
			var lost error
			if rec.Lost > 0 {
				lost = &perfbuf.LostError{Map: p.Map().Name(), CPU: rec.CPU, Count: rec.Lost}
			}
			if !yield(rec.Data, lost) {
				return
			}
		}
		if err := reader.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// UserRing is a ring buffer that carries samples to programs.
type UserRing struct{ m *bpf.Map }

// Map returns the map itself.
func (u *UserRing) Map() *bpf.Map {
	if u == nil {
		return nil
	}
	return u.m
}

// Writer returns a writer of samples. The caller closes it.
func (u *UserRing) Writer() (*userringbuf.Writer, error) {
	return userringbuf.NewWriter(u.Map(), nil)
}
