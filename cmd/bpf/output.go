package main

import (
	"bytes"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/purebpf/bpf/internal/printable"
)

// output remembers the first failure to write, so that a command whose output is lost fails,
// whichever part printed it.
type output struct {
	to     io.Writer
	failed error
}

func (o *output) Write(p []byte) (n int, err error) {
	n, err = o.to.Write(p)
	if o.failed == nil {
		o.failed = err
	}
	return n, err
}

// Unwrap returns the writer that it writes to.
func (o *output) Unwrap() io.Writer { return o.to }

// say writes one line for a person. Names in it can't start another line.
func say(w io.Writer, format string, args ...any) error {
	_, err := io.WriteString(w, printable.Text(fmt.Sprintf(format, args...))+"\n")
	return err
}

// untilEnd writes for a command that ends in order: a reader that doesn't read must not keep it
// from ending. Not for concurrent use.
type untilEnd struct {
	to    io.Writer
	ended <-chan struct{}
	gone  bool
}

// lastWait is the time that a reader has for the last output.
const lastWait = time.Second

func (u *untilEnd) Write(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	if !u.gone {
		text := bytes.Clone(p) // it may outlive the call
		go func() {
			n, err := u.to.Write(text)
			done <- result{n, err}
		}()
		select {
		case r := <-done:
			return r.n, r.err
		case <-u.ended:
		}
		select {
		case r := <-done:
			return r.n, r.err
		case <-time.After(lastWait):
			u.gone = true
		}
	}
	return 0, fmt.Errorf("nobody reads: %w", syscall.EPIPE)
}
