package skel

import (
	"context"
	"fmt"
	"iter"
	"unsafe"

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

// Records yields records as they arrive, and waits in between, until ctx is done or the skeleton is
// closed; those of a subskeleton, until ctx is done. A record is a view into the ring, valid in the
// loop's body: copy what you keep. A record that is too short for a T yields a *SizeError, after
// which the loop goes on. Any other error is the last one and ends the loop; after Close it is
// bpf.ErrClosed.
func (r *Ring[T]) Records(ctx context.Context) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for b, err := range r.Bytes(ctx) {
			if !yield(record[T](r.Map().Name(), b, err)) {
				return
			}
		}
	}
}

// Bytes is like Records but yields the bytes of the records.
func (r *Ring[T]) Bytes(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		reader, err := ringbuf.NewReader(r.Map(), nil)
		if err == nil {
			err = r.readers.add(reader)
		}
		if err != nil {
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

// record returns a record as a T.
func record[T any](name string, b []byte, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	if size := int(unsafe.Sizeof(*new(T))); len(b) < size || size == 0 {
		return nil, &SizeError{Map: name, Size: len(b), Want: size}
	}
	return (*T)(unsafe.Pointer(unsafe.SliceData(b))), nil
}

// SizeError reports a record that is too short for the type that the skeleton has for records.
type SizeError struct {
	Map        string
	Size, Want int
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("a record of %s has %d bytes, its type %d: another program writes other "+
		"records; read its bytes", e.Map, e.Size, e.Want)
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

// Records yields records as they arrive, and waits in between, until ctx is done or the skeleton is
// closed; those of a subskeleton, until ctx is done. A record is a view, valid in the loop's body:
// copy what you keep. After lost records it yields a *LostError and goes on, as after a record that
// is too short. Any other error is the last one, as for [Ring.Records]. opts may be nil.
func (p *PerfBuf[T]) Records(ctx context.Context, opts *perfbuf.Options) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for b, err := range p.Bytes(ctx, opts) {
			if !yield(record[T](p.Map().Name(), b, err)) {
				return
			}
		}
	}
}

// Bytes is like Records but yields the bytes of the records, including the kernel's padding at the
// end.
func (p *PerfBuf[T]) Bytes(ctx context.Context, opts *perfbuf.Options) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		reader, err := perfbuf.NewReader(p.Map(), opts)
		if err == nil {
			err = p.readers.add(reader)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		defer p.readers.end(reader)
		for rec := range reader.Records(ctx) {
			var lost error
			if rec.Lost > 0 {
				lost = &LostError{Map: p.Map().Name(), CPU: rec.CPU, Count: rec.Lost}
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

// LostError reports records for which there was no room in a perf buffer.
type LostError struct {
	Map   string
	CPU   int
	Count uint64
}

func (e *LostError) Error() string {
	return fmt.Sprintf("%s: %d records of CPU %d were lost", e.Map, e.Count, e.CPU)
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
