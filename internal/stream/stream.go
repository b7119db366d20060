package stream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/purebpf/bpf/internal/poller"
)

// Source is the rings of a stream. Only the goroutine that claimed the stream calls Ready.
type Source interface {
	// Ready reports whether a record can be taken.
	Ready() bool
	// Release gives back the rings' memory and descriptors. It is called once, after Close, when
	// nobody has claimed the stream.
	Release() error
}

// Stream is the life of a reader. A nil *Stream is that of none: its methods fail. Handing out
// records is not here but with the source's own type, between Enter and Leave or in a Loop:
// called through an interface, it would move its caller's function to the heap.
type Stream struct {
	name   string
	busy   error
	source Source
	poller *poller.Poller

	mu      sync.Mutex
	reading bool
	closed  atomic.Bool // changes under the lock
	err     error
}

// errNone is what a nil *Stream answers: that of a reader which was not made by its package.
var errNone = fmt.Errorf("there is no reader: %w", os.ErrNotExist)

// New makes a stream of what source has. name begins the text of errors; busy is the error for a
// second goroutine that reads. Close the Stream.
func New(name string, busy error, source Source) (*Stream, error) {
	p, err := poller.New(source.Ready)
	if err != nil {
		return nil, err
	}
	return &Stream{name: name, busy: busy, source: source, poller: p}, nil
}

// Watch wakes the stream's reader when fd becomes readable.
func (s *Stream) Watch(fd int) error { return s.poller.Add(fd, poller.In) }

// Wake has a goroutine that waits ask the source once more whether it is ready.
func (s *Stream) Wake() { s.poller.Wake() }

// Enter claims the stream for the calling goroutine, which calls Leave when it is done.
// os.ErrClosed after Close, the stream's own error while another goroutine has it.
func (s *Stream) Enter() error {
	if s == nil {
		return errNone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed.Load():
		return s.errClosed()
	case s.reading:
		return s.busy
	}
	s.reading = true
	return nil
}

// Leave ends what Enter began, and releases the source if the stream was closed meanwhile.
func (s *Stream) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = false
	if s.closed.Load() {
		s.source.Release()
	}
}

// Close ends reading: a goroutine that waits returns with os.ErrClosed. The source is released as
// soon as nobody reads. A second Close does nothing.
func (s *Stream) Close() error {
	if s == nil {
		return errNone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return nil
	}
	s.closed.Store(true)
	err := s.poller.Close()
	if !s.reading {
		err = errors.Join(err, s.source.Release())
	}
	return err
}

func (s *Stream) errClosed() error { return fmt.Errorf("%s: %w", s.name, os.ErrClosed) }

// Closed reports whether Close was called.
func (s *Stream) Closed() bool { return s == nil || s.closed.Load() }

// SetDeadline sets when waiting ends with os.ErrDeadlineExceeded, now or later; the zero time means
// never.
func (s *Stream) SetDeadline(t time.Time) error {
	if s == nil {
		return errNone
	}
	return s.poller.SetDeadline(t)
}

// Wait returns when there is a record to take. Errors: that of ctx, os.ErrDeadlineExceeded,
// os.ErrClosed, the stream's own for a second goroutine.
func (s *Stream) Wait(ctx context.Context) error {
	if err := s.Enter(); err != nil {
		return err
	}
	defer s.Leave()
	return s.wait(ctx)
}

func (s *Stream) wait(ctx context.Context) error {
	if s.source.Ready() {
		return nil
	}
	err := s.poller.Wait(ctx)
	if errors.Is(err, os.ErrClosed) {
		return s.errClosed()
	}
	return err
}

// Err returns why the last Loop ended by itself, nil if its body left it.
func (s *Stream) Err() error {
	if s == nil {
		return errNone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
