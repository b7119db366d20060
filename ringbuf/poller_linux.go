package ringbuf

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf"
)

// poller waits for several descriptors in the Go runtime's poller. The runtime watches one descriptor for one waiter, so the rings
// are watched by an epoll instance, and the runtime watches that. What is ready the rings themselves say.
type poller struct {
	file   *os.File // the epoll instance
	conn   syscall.RawConn
	ready  func() bool
	check  func(uintptr) bool
	closed atomic.Bool
}

func newPoller() (*poller, error) {
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
	if err := unix.SetNonblock(fd, true); err != nil { // what makes os.NewFile use the runtime's poller
		unix.Close(fd)
		return nil, err
	}
	p := &poller{file: os.NewFile(uintptr(fd), "ringbuf")}
	if err := p.file.SetReadDeadline(time.Time{}); err != nil {
		p.file.Close()
		return nil, fmt.Errorf("the runtime cannot poll an epoll instance: %w", err)
	}
	if p.conn, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, err
	}
	p.check = func(uintptr) bool { return p.ready() }
	return p, nil
}

// add watches one more descriptor.
func (p *poller) add(fd int) error {
	var err error
	ctlErr := p.conn.Control(func(epoll uintptr) {
		event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(fd)}
		err = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, fd, &event)
	})
	return errors.Join(err, ctlErr)
}

// wait returns when ready says so.
func (p *poller) wait() error {
	err := p.conn.Read(p.check)
	if p.closed.Load() {
		return fmt.Errorf("ringbuf: %w", bpf.ErrClosed)
	}
	return err
}

func (p *poller) setDeadline(t time.Time) error {
	err := p.file.SetReadDeadline(t)
	if p.closed.Load() {
		return nil
	}
	return err
}

func (p *poller) close() error {
	p.closed.Store(true)
	return p.file.Close()
}
