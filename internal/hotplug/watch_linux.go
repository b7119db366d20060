package hotplug

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/poller"
	"github.com/purebpf/bpf/sys"
)

// period is how often a Watch calls its function without uevents.
const period = 5 * time.Second

// Watch calls a function when CPUs may have gone offline or come online.
type Watch struct {
	poller *poller.Poller
	fds    []*sys.FD
	period time.Duration // 0 if uevents wake it
	buf    [8192]byte
	done   chan struct{}
	close  sync.Once
}

// New calls changed, in its own goroutine, each time CPUs may have changed since New or since the
// last call. The caller closes the Watch.
func New(changed func()) (*Watch, error) {
	w := &Watch{done: make(chan struct{})}
	var err error
	if w.poller, err = poller.New(w.ready); err != nil {
		return nil, err
	}
	for _, open := range []func() (*sys.FD, error){w.openUevents, openClock} {
		fd, err := open()
		if err == nil && fd != nil {
			w.fds = append(w.fds, fd)
			err = w.poller.Add(fd.Int(), poller.In)
		}
		if err != nil {
			w.poller.Close()
			w.closeFDs()
			return nil, err
		}
	}
	go w.run(changed)
	return w, nil
}

// openUevents opens a socket on which the kernel announces CPUs. It returns nil if this process may
// not open one.
func (w *Watch) openUevents() (*sys.FD, error) {
	const kind = unix.SOCK_RAW | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	fd, err := unix.Socket(unix.AF_NETLINK, kind, unix.NETLINK_KOBJECT_UEVENT)
	if err == nil {
		// Most uevents are about other devices. Their text starts with the action.
		word := func(s string) uint32 {
			return uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
		}
		filter := []unix.SockFilter{
			{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 2, K: word("online")},
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 1, K: word("offline")},
			{Code: unix.BPF_RET | unix.BPF_K},
			{Code: unix.BPF_RET | unix.BPF_K, K: math.MaxUint32},
		}
		program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
		err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program)
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1})
		}
		if err == nil {
			return sys.NewFD(fd)
		}
		unix.Close(fd)
	}
	switch err {
	case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
		return nil, err
	}
	w.period = period
	return nil, nil
}

// openClock opens a timer that never expires, but becomes readable when the clock is set, as after
// a suspend.
func openClock() (*sys.FD, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	never, err := unix.TimeToTimespec(time.Unix(1<<33, 0))
	if err != nil { // 32 bits
		never, _ = unix.TimeToTimespec(time.Unix(math.MaxInt32, 0))
	}
	const flags = unix.TFD_TIMER_ABSTIME | unix.TFD_TIMER_CANCEL_ON_SET
	if err := unix.TimerfdSettime(fd, flags, &unix.ItimerSpec{Value: never}, nil); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return sys.NewFD(fd)
}

// ready reads everything available and reports whether it is about CPUs, or whether something was
// lost.
func (w *Watch) ready() bool {
	changed := false
	for _, fd := range w.fds {
		for {
			n, err := unix.Read(fd.Int(), w.buf[:])
			if err == unix.EINTR {
				continue
			}
			if err == unix.ENOBUFS || err == unix.ECANCELED {
				changed = true
				continue
			}
			if err != nil || n <= 0 {
				break
			}
			changed = changed || bytes.Contains(w.buf[:n], []byte("@/devices/system/cpu/cpu"))
		}
	}
	return changed
}

func (w *Watch) run(changed func()) {
	defer close(w.done)
	for {
		if w.period > 0 {
			w.poller.SetDeadline(time.Now().Add(w.period))
		}
		err := w.poller.Wait(context.Background())
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		changed()
	}
}

// Close ends the Watch and waits until its function, which must not call Close, has returned. A
// second Close, or Close of a nil Watch, does nothing.
func (w *Watch) Close() error {
	if w == nil {
		return nil
	}
	err := w.poller.Close()
	<-w.done
	w.close.Do(w.closeFDs)
	return err
}

func (w *Watch) closeFDs() {
	for _, fd := range w.fds {
		fd.Close()
	}
}
