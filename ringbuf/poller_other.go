//go:build !linux

package ringbuf

import (
	"sync/atomic"
	"syscall"
	"time"
)

type poller struct {
	ready  func() bool
	closed atomic.Bool
}

func newPoller() (*poller, error)           { return nil, syscall.ENOSYS }
func (*poller) add(int) error               { return syscall.ENOSYS }
func (*poller) wait() error                 { return syscall.ENOSYS }
func (*poller) setDeadline(time.Time) error { return nil }
func (*poller) close() error                { return nil }
