package bpf

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// perfWay says how a program is attached to a perf event.
type perfWay struct {
	cookie   uint64
	ioctl    bool         // by ioctl even if the kernel has links
	disabled bool         // don't start the event
	legacy   *probe.Event // the event in tracefs, removed when the link is closed
}

// attachPerfEvent attaches p to the perf event, by a BPF link where the kernel has them for perf
// events (5.15), else by ioctl, and starts the event (libbpf bpf_program__attach_perf_event_opts).
// It takes ownership of event, also on failure. A cookie needs the link.
func (p *Program) attachPerfEvent(to string, event *sys.FD, cookie uint64) (*Link, error) {
	return p.attachPerf(to, event, perfWay{cookie: cookie})
}

// attachPerf does the same as attachPerfEvent, as how says. It takes ownership of event and of
// how.legacy, also on failure.
func (p *Program) attachPerf(to string, event *sys.FD, how perfWay) (*Link, error) {
	fd, err := p.perfLink(event.Int(), how)
	if err != nil {
		err = joinErrors(p.perfRefused(opAttachEvent, to, event.Int(), err), fd.Close(),
			event.Close())
		if how.legacy != nil {
			err = joinErrors(err, how.legacy.Undo())
		}
		return nil, err
	}
	l := p.newLink(to, fd, event)
	if how.legacy != nil {
		l.undo = func() error {
			// The event is in use by a pin; it stays until somebody removes both.
			if err := how.legacy.Undo(); err != nil &&
				!(l.pinPath != "" && errors.Is(err, syscall.EBUSY)) {
				return err
			}
			return nil
		}
	}
	return l, nil
}

// perfLink attaches p to a perf event and starts it. fd is nil if it attached by ioctl; it may be
// non-nil with an error, and the caller closes it.
func (p *Program) perfLink(event int, how perfWay) (fd *sys.FD, err error) {
	if how.ioctl {
		err = p.perfIoctl(event, how.cookie)
	} else if fd, err = sys.LinkCreate(&sys.LinkCreateAttr{
		ProgFD: p.fd.Uint32(), Target: uint32(event), AttachType: uapi.AttachPerfEvent,
		Detail: &sys.LinkPerfEvent{Cookie: how.cookie},
	}); err == syscall.EINVAL {
		if !p.has(p.running(), facts.PerfLink) {
			p.events().Info("this kernel has no links to perf events, attaching by ioctl",
				"object", p.ObjectName(), "program", p.name)
			fd, err = nil, p.perfIoctl(event, how.cookie)
		}
	}
	if err == nil && !how.disabled {
		err = sys.PerfEventEnable(event)
	}
	return fd, err
}

func (p *Program) perfIoctl(event int, cookie uint64) error {
	if cookie != 0 {
		return fmt.Errorf("attached by ioctl, without a link (5.15), a program has no cookie: %w",
			ErrNotSupported)
	}
	return sys.PerfEventSetBPF(event, p.fd.Int())
}

// onAnyCPU opens a perf event that sees all CPUs whichever CPU it is opened on: CPU 0, or one that
// is online.
func onAnyCPU(open func(cpu int) (*sys.FD, error)) (*sys.FD, error) {
	event, err := open(0)
	if err != syscall.ENODEV {
		return event, err
	}
	online, listErr := kernel.Running().OnlineCPUs()
	if listErr != nil {
		return nil, errors.Join(err, listErr)
	}
	for _, cpu := range online {
		if event, err = open(cpu); err != syscall.ENODEV {
			break
		}
	}
	return event, err
}

// perfPrograms are the types of programs that run at perf events, each at its own kind of events.
var perfPrograms = [...]uapi.ProgType{uapi.ProgPerfEvent, uapi.ProgTracepoint, uapi.ProgKprobe}

// perfRefused wraps the error of an attempt to attach p to an event. op is opAttachEvent, with
// opAttachEventFD if the event belongs to the caller.
func (p *Program) perfRefused(op operation, to string, event int, err error) error {
	at := &place{name: to, types: perfPrograms[:], need: []kernel.Capability{kernel.CapPerfmon}}
	if p.typ == uapi.ProgKprobe && p.expected != 0 {
		at.rule = fmt.Sprintf("it was loaded for %v, not for one probe", p.expected)
	}
	a := p.at(op, at)
	a.event = event
	return a.attachFail(to, at.cause(err))
}

// attachFail wraps the error of an attempt to attach p.
func (p *Program) attachFail(to string, err error, need ...kernel.Capability) *Error {
	return (&attempt{program: p, need: need}).attachFail(to, err)
}
