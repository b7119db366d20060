package tool

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilSignal returns a context for commands that clean up when a signal ends them. Others end at
// once.
func UntilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, endings()...)
}

// endings returns the signals at which a command ends in order: Ctrl-C, kill, a closed pipe, a
// terminal that closes (unless nohup ignores it).
func endings() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}
