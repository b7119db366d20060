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

// Source is the set of rings of a stream. Only the goroutine that has claimed the stream calls
// Ready.
type Source interface {
	// Ready reports whether a record can be read.
	Ready() bool
	// Release releases the rings' memory and descriptors. It is called once, after Close, when no
	// goroutine has claimed the stream.
	Release() error
}

// Stream manages the lifetime of a reader. A nil *Stream stands for a reader that does not exist:
// its methods fail. The source's own type delivers the records, between Enter and Leave or in a
// Loop: called through an interface, it would move its caller's function to the heap.
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

// errNone returns the error of a nil *Stream, that is of a reader that was not made by its package.
func errNone() error { return fmt.Errorf("there is no reader: %w", os.ErrNotExist) }

// New returns a stream of the source's records. name begins the text of errors; busy is the error
// for a second goroutine that reads. The caller closes the Stream.
func New(name string, busy error, source Source) (*Stream, error) {
	p, err := poller.New(source.Ready)
	if err != nil {
		return nil, err
	}
	return &Stream{name: name, busy: busy, source: source, poller: p}, nil
}

// Watch wakes the stream's reader when fd becomes readable.
func (s *Stream) Watch(fd int) error { return s.poller.Add(fd, poller.In) }

// Wake makes a waiting goroutine ask the source again whether it is ready.
func (s *Stream) Wake() { s.poller.Wake() }

// EpollFD returns a descriptor that is readable while a watched one is, -1 after Close. It belongs
// to the stream.
func (s *Stream) EpollFD() int {
	if s == nil || s.closed.Load() {
		return -1
	}
	return s.poller.FD()
}

// Enter claims the stream for the calling goroutine, which calls Leave when it is done. The error
// is os.ErrClosed after Close, and the stream's busy error while another goroutine has claimed it.
func (s *Stream) Enter() error {
	if s == nil {
		return errNone()
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

// Leave releases the claim of Enter, and releases the source if the stream was closed meanwhile.
func (s *Stream) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = false
	if s.closed.Load() {
		s.source.Release()
	}
}

// Close ends reading: a waiting goroutine returns with os.ErrClosed. The source is released as soon
// as nobody reads. A second Close does nothing.
func (s *Stream) Close() error {
	if s == nil {
		return errNone()
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

// SetDeadline sets when waiting, current or future, ends with os.ErrDeadlineExceeded; the zero time
// means never.
func (s *Stream) SetDeadline(t time.Time) error {
	if s == nil {
		return errNone()
	}
	return s.poller.SetDeadline(t)
}

// Wait returns when there is a record to read. The error is that of ctx, os.ErrDeadlineExceeded,
// os.ErrClosed, or the busy error for a second goroutine.
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

// Err returns why the last Loop ended by itself, nil if its body ended it.
func (s *Stream) Err() error {
	if s == nil {
		return errNone()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
