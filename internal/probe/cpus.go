package probe

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"syscall"

	"github.com/purebpf/bpf/internal/hotplug"
	"github.com/purebpf/bpf/kernel"
)

// CPUEvent is the event of a CPU.
type CPUEvent struct {
	CPU   int
	Event *Event
}

// OnCPUs attaches a program on each of the CPUs. attach opens the event of a CPU and attaches the
// program to it. All or nothing: if one fails, those before it are closed.
func OnCPUs(cpus []int, attach func(cpu int) (*Event, error)) ([]CPUEvent, error) {
	return onCPUs(cpus, attach, func(int, error) bool { return false })
}

// onCPUs does the same, but leaves out a CPU if skip accepts its error.
func onCPUs(cpus []int, attach func(cpu int) (*Event, error),
	skip func(cpu int, err error) bool) ([]CPUEvent, error) {
	var list []CPUEvent
	for _, cpu := range cpus {
		event, err := attach(cpu)
		if err != nil && skip(cpu, err) {
			continue
		}
		if err != nil {
			return nil, withUndo(err, closeAll(list))
		}
		list = append(list, CPUEvent{cpu, event})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no CPU to attach to: %w", syscall.ENODEV)
	}
	return list, nil
}

func closeAll(list []CPUEvent) error {
	var errs []error
	for _, e := range list {
		errs = append(errs, e.Event.Close(false))
	}
	return errors.Join(errs...)
}

// CPUSet keeps a program attached to the events of CPUs while they go offline and come online.
type CPUSet struct {
	only   []int // nil for all CPUs
	attach func(cpu int) (*Event, error)
	done   func() error
	log    *slog.Logger
	watch  *hotplug.Watch

	mu     sync.Mutex
	events []CPUEvent
	late   []CPUEvent // of CPUs that came online later; the others belong to the caller
	open   int        // how many of the caller's are open
	failed bool       // the caller got an error: nothing is attached any more
}

// WatchCPUs attaches a program on each of the CPUs, or on all that are online if only is nil, and
// renews the events of those that come online again. With nil, CPUs that come online later are
// added. attach is as for OnCPUs and is called by a goroutine, too; its sys.PerfEventAttr must have
// ReadFormat sys.PerfFormatEnabled. The caller closes the events, and calls Leave after each. done
// is called after the last of them, and on failure.
func WatchCPUs(only []int, attach func(cpu int) (*Event, error), done func() error,
	log *slog.Logger) (*CPUSet, []CPUEvent, error) {
	s := &CPUSet{only: only, attach: attach, done: done, log: log}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Start to watch first, so that no CPU is missed that comes online meanwhile.
	watch, err := hotplug.New(s.refresh)
	if err != nil {
		return nil, nil, withUndo(fmt.Errorf("watch for CPUs that go offline or come online: %w",
			err), done())
	}
	s.watch = watch
	if err := s.start(); err != nil {
		s.failed = true
		s.mu.Unlock() // refresh may wait for it
		err = withUndo(err, errors.Join(watch.Close(), done()))
		s.mu.Lock()
		return nil, nil, err
	}
	s.open = len(s.events)
	return s, slices.Clone(s.events), nil
}

func (s *CPUSet) start() (err error) {
	if s.only != nil {
		s.events, err = OnCPUs(s.only, s.attach)
		return err
	}
	online, err := kernel.Running().OnlineCPUs()
	if err != nil {
		return err
	}
	s.events, err = onCPUs(online, s.attach, func(cpu int, err error) bool {
		gone := errors.Is(err, syscall.ENODEV)
		if gone {
			s.log.Info("the CPU went offline", "cpu", cpu)
		}
		return gone
	})
	return err
}

// refresh attaches the program on CPUs that came online, or went offline and online again.
func (s *CPUSet) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed {
		return
	}
	online, err := kernel.Running().OnlineCPUs()
	if err != nil {
		s.warn(err)
	}
	for _, cpu := range online {
		if s.only != nil && !slices.Contains(s.only, cpu) {
			continue
		}
		if err := s.serve(cpu); err != nil && !errors.Is(err, syscall.ENODEV) {
			s.warn(err)
		}
	}
}

func (s *CPUSet) warn(err error) {
	s.log.Warn("CPUs went offline or came online, but the program is not attached on all",
		"err", err)
}

// serve attaches the program on a CPU that is online.
func (s *CPUSet) serve(cpu int) error {
	attach := func() (*Event, error) { return s.attach(cpu) }
	known := false
	var errs []error
	for _, e := range s.events {
		if e.CPU != cpu {
			continue
		}
		known = true
		renewed, err := e.Event.renew(attach)
		if renewed {
			s.log.Info("the CPU came online again, the program is attached there again",
				"cpu", cpu)
		}
		errs = append(errs, err)
	}
	if known {
		return errors.Join(errs...)
	}
	event, err := attach()
	if err != nil {
		return err
	}
	e := CPUEvent{cpu, event}
	s.events, s.late = append(s.events, e), append(s.late, e)
	s.log.Info("the CPU came online, the program is attached there too", "cpu", cpu)
	return nil
}

// Leave is called after one of the caller's events was closed. After the last it closes the others
// and ends the watch.
func (s *CPUSet) Leave() error {
	s.mu.Lock()
	s.open--
	last := s.open == 0
	s.mu.Unlock()
	if !last {
		return nil
	}
	return errors.Join(s.watch.Close(), closeAll(s.late), s.done())
}
