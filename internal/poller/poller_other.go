//go:build !linux

package poller

import (
	"context"
	"sync/atomic"
	"syscall"
	"time"
)

// Poller exists only on Linux; New returns ENOSYS.
type Poller struct{ closed atomic.Bool }

// Event is the kind of event for which a descriptor is watched.
type Event uint32

// The kinds of events.
const (
	In Event = 1 << iota
	Out
)

// New returns ENOSYS.
func New(func() bool) (*Poller, error) { return nil, syscall.ENOSYS }

// Add returns ENOSYS.
func (p *Poller) Add(int, Event) error { return syscall.ENOSYS }

// FD returns -1.
func (p *Poller) FD() int { return -1 }

// Wait returns ENOSYS.
func (p *Poller) Wait(context.Context) error { return syscall.ENOSYS }

// Wake does nothing.
func (p *Poller) Wake() {}

// SetDeadline returns ENOSYS.
func (p *Poller) SetDeadline(time.Time) error { return syscall.ENOSYS }

// Closed reports whether Close was called.
func (p *Poller) Closed() bool { return p.closed.Load() }

// Close does nothing.
func (p *Poller) Close() error { p.closed.Store(true); return nil }
