package bpf

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// attachPerfEvent attaches p to the perf event, by a BPF link where the kernel has them for perf events (5.15), else by ioctl, and
// starts the event (libbpf bpf_program__attach_perf_event_opts). It takes ownership of event, also when it fails. A cookie needs the
// link.
func (p *Program) attachPerfEvent(to string, event *sys.FD, cookie uint64) (*Link, error) {
	fd, err := sys.LinkCreate(&sys.LinkCreateAttr{
		ProgFD: p.fd.Uint32(), Target: event.Uint32(), AttachType: uapi.AttachPerfEvent, Detail: &sys.LinkPerfEvent{Cookie: cookie},
	})
	if err == syscall.EINVAL {
		if has, probeErr := p.facts().Has(facts.PerfLink); probeErr == nil && !has {
			fd, err = nil, p.perfIoctl(event, cookie)
		}
	}
	if err == nil {
		err = sys.PerfEventEnable(event.Int())
	}
	if err != nil {
		return nil, errors.Join(p.attachFail(to, err, kernel.CapPerfmon), fd.Close(), event.Close())
	}
	return p.newLink(to, fd, event), nil
}

func (p *Program) perfIoctl(event *sys.FD, cookie uint64) error {
	if cookie != 0 {
		return fmt.Errorf("this kernel has no links to perf events (5.15), so no cookies: %w", ErrNotSupported)
	}
	p.events().info("this kernel has no links to perf events, attaching by ioctl", "object", p.objectName(), "program", p.name)
	return sys.PerfEventSetBPF(event.Int(), p.fd.Int())
}

// attachFail wraps the error of an attempt to attach p.
func (p *Program) attachFail(to string, err error, need ...kernel.Capability) error {
	e := &Error{Op: "attach program", Object: p.objectName(), Subject: p.name + " to " + to, Err: err, Hint: permissionHint(err, need...)}
	if p.fd.Int() < 0 {
		e.Err, e.Hint = ErrClosed, ""
		if p.fd == nil {
			e.Err = fmt.Errorf("it was not loaded: %w", syscall.EINVAL)
		}
	}
	return e
}
