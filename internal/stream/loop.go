package stream

import (
	"context"
	"errors"
)

// Loop is one loop over the records of a stream:
//
//	loop := s.Loop(ctx)
//	defer loop.End()
//	for loop.Next() {
//		_, loop.Err = drain(func(record R) error { return loop.Step(yield(record)) })
//	}
type Loop struct {
	Err error // of the last step

	stream *Stream
	ctx    context.Context
	inside bool
}

// Loop claims the stream for a loop; End releases it.
func (s *Stream) Loop(ctx context.Context) Loop {
	err := s.Enter()
	return Loop{Err: err, stream: s, ctx: ctx, inside: err == nil}
}

// Next waits until there is a record to read. It returns false when the loop is over.
func (l *Loop) Next() bool {
	if l.Err == nil {
		l.Err = l.stream.wait(l.ctx)
	}
	return l.Err == nil
}

// Reasons why a step was the last one.
var (
	errLeft  = errors.New("the body of the loop left it")
	errEnded = errors.New("the context is done or the stream closed")
)

// Step decides after each record whether to read another one; more is the result of the loop's
// body.
func (l *Loop) Step(more bool) error {
	if !more {
		return errLeft
	}
	if l.stream.closed.Load() || l.ctx.Err() != nil {
		return errEnded
	}
	return nil
}

// End releases the stream and returns what ended the loop, nil if its body did. Err of the stream
// says the same until another loop ends.
func (l *Loop) End() error {
	s, err := l.stream, l.Err
	if s == nil {
		return err
	}
	switch {
	case err == errLeft:
		err = nil
	case err == errEnded && s.closed.Load():
		err = s.errClosed()
	case err == errEnded:
		err = l.ctx.Err()
	}
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
	if l.inside {
		s.Leave()
	}
	return err
}
