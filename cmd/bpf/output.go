package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/purebpf/bpf/internal/printable"
)

// output remembers the first failure to write, so that a command whose text went nowhere fails, whoever printed it.
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

// say writes one line for a person. Whatever it is about may have any name, which makes no second line.
func say(w io.Writer, format string, args ...any) error {
	_, err := io.WriteString(w, printable.Text(fmt.Sprintf(format, args...))+"\n")
	return err
}

// inOrder is for commands that have something to take away when they are told to end. Others end at once.
func inOrder(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, endings()...)
}

// endings are the signals at which a command ends in order: Ctrl-C, kill, a reader who has had enough, a terminal that closes (unless nohup
// says to go on).
func endings() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

// untilEnd writes for a command that ends in order: a reader who doesn't read must not keep it from doing so. Not for concurrent use.
type untilEnd struct {
	to    io.Writer
	ended <-chan struct{}
	gone  bool
}

// lastWait is how long a reader may take for what is written at the end.
const lastWait = time.Second

func (u *untilEnd) Write(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	if !u.gone {
		text := bytes.Clone(p) // it may outlast the call
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
