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
// one waiter, so what is added here is watched by an epoll instance, and the runtime watches that.
// An event only wakes the waiter; whether there is something to do the caller's own function says.
type Poller struct {
	file   *os.File // the epoll instance
	conn   syscall.RawConn
	check  func(uintptr) bool
	closed atomic.Bool

	mu       sync.Mutex
	deadline time.Time
	woken    bool // by Wake, which nobody has noticed yet
	// the context of the goroutine that waits is done: no deadline may put off its end
	ended bool
}

// Event is what a descriptor is watched for.
type Event uint32

const (
	In  Event = unix.EPOLLIN  // something to read
	Out Event = unix.EPOLLOUT // room to write
)

// New makes a Poller whose Wait returns when ready says so. ready is called by the waiting
// goroutine, often. Close the Poller.
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
	// what makes os.NewFile use the runtime's poller
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

// Add watches one more descriptor for an event. It must stay open while it is to be watched.
func (p *Poller) Add(fd int, e Event) error {
	var err error
	ctlErr := p.conn.Control(func(epoll uintptr) {
		event := unix.EpollEvent{Events: uint32(e), Fd: int32(fd)}
		err = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, fd, &event)
	})
	return errors.Join(err, ctlErr)
}

// Wait returns when ready says so, or with ctx's error, os.ErrDeadlineExceeded or os.ErrClosed. One
// goroutine may wait at a time.
func (p *Poller) Wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ctx.Done() == nil {
		return p.wait()
	}
	// A context that ends while we wait ends the wait by a deadline in the past.
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

// Wake has a goroutine that waits, now or as the next one, ask once more whether it is ready.
func (p *Poller) Wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.woken = true
	p.file.SetReadDeadline(time.Unix(1, 0))
}

// wasWoken reports whether the deadline that ended a wait was Wake's, and sets the caller's again.
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

// SetDeadline sets when waiting ends with os.ErrDeadlineExceeded, also one that is under way; the
// zero time means never.
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

// Close ends a wait that is under way. The descriptors that were added stay their owner's.
func (p *Poller) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	return p.file.Close()
}
