package poller

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Poller watches descriptors for one waiting goroutine. The Go runtime watches one descriptor for
// one waiter, so an epoll instance watches the added descriptors, and the runtime watches the epoll
// instance. An event only wakes the waiter; the caller's own function decides whether there is
// something to do.
type Poller struct {
	file   *os.File // the epoll instance
	conn   syscall.RawConn
	check  func(uintptr) bool
	closed atomic.Bool

	mu       sync.Mutex
	deadline time.Time
	woken    bool // by Wake, not yet noticed
	// ended means that the waiting goroutine's context is done: no deadline may delay its return.
	ended bool
}

// Event is the kind of event for which a descriptor is watched.
type Event uint32

const (
	In  Event = unix.EPOLLIN  // something to read
	Out Event = unix.EPOLLOUT // room to write
)

// New returns a Poller whose Wait returns when ready returns true. The waiting goroutine calls
// ready often. The caller closes the Poller.
func New(ready func() bool) (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if fd < 3 { // keep 0, 1 and 2 free, as everywhere
		moved, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		unix.Close(fd)
		if err != nil {
			return nil, err
		}
		fd = moved
	}
	// which makes os.NewFile use the runtime's poller
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	p := &Poller{file: os.NewFile(uintptr(fd), "poller")}
	if err := p.file.SetReadDeadline(time.Time{}); err != nil {
		p.file.Close()
		return nil, fmt.Errorf("the runtime cannot poll an epoll instance: %w", err)
	}
	if p.conn, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, err
	}
	p.check = func(uintptr) bool { return ready() }
	return p, nil
}

// Add watches one more descriptor for an event. It must stay open while it is watched.
func (p *Poller) Add(fd int, e Event) error {
	var err error
	ctlErr := p.conn.Control(func(epoll uintptr) {
		event := unix.EpollEvent{Events: uint32(e), Fd: int32(fd)}
		err = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, fd, &event)
	})
	return errors.Join(err, ctlErr)
}

// FD returns the descriptor of the epoll instance, which is readable while a watched descriptor has
// an event; -1 after Close. It belongs to the Poller.
func (p *Poller) FD() int {
	fd := -1
	p.conn.Control(func(epoll uintptr) { fd = int(epoll) })
	return fd
}

// Wait returns when ready returns true, or with ctx's error, os.ErrDeadlineExceeded or
// os.ErrClosed. One goroutine may wait at a time.
func (p *Poller) Wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ctx.Done() == nil {
		return p.wait()
	}
	// If the context ends during the wait, a deadline in the past ends the wait.
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		p.ended = true
		p.file.SetReadDeadline(time.Unix(1, 0))
		p.mu.Unlock()
		close(woken)
	})
	err := p.wait()
	if stop() {
		return err
	}
	<-woken
	p.mu.Lock()
	p.ended, p.woken = false, false
	p.file.SetReadDeadline(p.deadline)
	p.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ctx.Err()
	}
	return err
}

func (p *Poller) wait() error {
	for {
		err := p.conn.Read(p.check)
		if p.closed.Load() {
			return os.ErrClosed
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || !p.wasWoken() {
			return err
		}
	}
}

// Wake makes a goroutine that waits, now or next, call ready again.
func (p *Poller) Wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.woken = true
	p.file.SetReadDeadline(time.Unix(1, 0))
}

// wasWoken reports whether the deadline that ended a wait came from Wake, and restores the caller's
// deadline.
func (p *Poller) wasWoken() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.woken {
		return false
	}
	p.woken = false
	if p.ended {
		return false
	}
	p.file.SetReadDeadline(p.deadline)
	return true
}

// SetDeadline sets when waiting, current or future, ends with os.ErrDeadlineExceeded; the zero time
// means never.
func (p *Poller) SetDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	if p.ended || p.woken {
		return nil // Wait sets it
	}
	if err := p.file.SetReadDeadline(t); err != nil && !p.closed.Load() {
		return err
	}
	return nil
}

// Closed reports whether Close was called.
func (p *Poller) Closed() bool { return p.closed.Load() }

// Close ends a current wait. The added descriptors still belong to their owners.
func (p *Poller) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	return p.file.Close()
}
