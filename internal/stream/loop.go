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
	Err error // of what happened last

	stream *Stream
	ctx    context.Context
	inside bool
}

// Loop claims the stream for a loop, which ends with End.
func (s *Stream) Loop(ctx context.Context) Loop {
	err := s.Enter()
	return Loop{Err: err, stream: s, ctx: ctx, inside: err == nil}
}

// Next waits until there is a record to take. false: the loop is over.
func (l *Loop) Next() bool {
	if l.Err == nil {
		l.Err = l.stream.wait(l.ctx)
	}
	return l.Err == nil
}

// Why a step was the last one.
var (
	errLeft  = errors.New("the body of the loop left it")
	errEnded = errors.New("the context is done or the stream closed")
)

// Step says after each record whether there is to be another one; more is what the loop's body
// said.
func (l *Loop) Step(more bool) error {
	if !more {
		return errLeft
	}
	if l.stream.closed.Load() || l.ctx.Err() != nil {
		return errEnded
	}
	return nil
}

// End gives the stream back. What ended the loop is the stream's Err from then on.
func (l *Loop) End() {
	s, err := l.stream, l.Err
	if s == nil {
		return
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
}
