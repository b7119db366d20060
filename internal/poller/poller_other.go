//go:build !linux

package poller

import (
	"context"
	"sync/atomic"
	"syscall"
	"time"
)

// Poller exists on Linux only; New answers ENOSYS.
type Poller struct{ closed atomic.Bool }

// Event is what a descriptor is watched for.
type Event uint32

// What New's descriptors would be watched for.
const (
	In Event = 1 << iota
	Out
)

// New answers ENOSYS.
func New(func() bool) (*Poller, error) { return nil, syscall.ENOSYS }

// Add answers ENOSYS.
func (p *Poller) Add(int, Event) error { return syscall.ENOSYS }

// Wait answers ENOSYS.
func (p *Poller) Wait(context.Context) error { return syscall.ENOSYS }

// Wake does nothing.
func (p *Poller) Wake() {}

// SetDeadline answers ENOSYS.
func (p *Poller) SetDeadline(time.Time) error { return syscall.ENOSYS }

// Closed reports whether Close was called.
func (p *Poller) Closed() bool { return p.closed.Load() }

// Close does nothing.
func (p *Poller) Close() error { p.closed.Store(true); return nil }
