package probe

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/hotplug"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Event is a perf event, and the program that is attached to it.
type Event struct {
	fd      *sys.FD
	link    *sys.FD       // nil if there is none
	defined *tracefsEvent // nil if the event is not in tracefs for this Event alone

	mu     sync.Mutex
	closed bool
}

// request is what perf_event_open is asked for.
type request struct {
	attr sys.PerfEventAttr
	name string // a function or file, "" for none
	pid  int    // 0 for every process
}

// on opens the event on one CPU; -1 is every CPU, for events of a process. Errors are Errnos.
func (r *request) on(cpu int) (*sys.FD, error) {
	pid := r.pid
	if pid == 0 {
		pid = -1
	}
	if r.name != "" {
		return sys.PerfEventOpenName(&r.attr, r.name, pid, cpu, -1, 0)
	}
	return sys.PerfEventOpen(&r.attr, pid, cpu, -1, 0)
}

// open opens an event that sees all CPUs whichever CPU it is opened on: CPU 0, or one that is
// online. An event of a process is opened on none.
func (r *request) open() (*sys.FD, error) {
	if r.pid != 0 {
		return r.on(-1)
	}
	fd, err := r.on(0)
	if err != syscall.ENODEV {
		return fd, err
	}
	online, listErr := kernel.Running().OnlineCPUs()
	if listErr != nil {
		return nil, errors.Join(err, listErr)
	}
	for _, cpu := range online {
		if fd, err = r.on(cpu); err != syscall.ENODEV {
			break
		}
	}
	return fd, err
}

// Open opens an event that sees all CPUs, or follows a thread if pid is not 0. The caller closes
// it.
func Open(attr sys.PerfEventAttr, pid int) (*Event, error) {
	fd, err := (&request{attr: attr, pid: pid}).open()
	return newEvent(fd, err)
}

// OpenOn opens an event on one CPU; pid is 0 for every process. The caller closes it.
func OpenOn(attr sys.PerfEventAttr, pid, cpu int) (*Event, error) {
	fd, err := (&request{attr: attr, pid: pid}).on(cpu)
	return newEvent(fd, err)
}

// OpenTracepoint opens the event of a tracepoint by its number. The caller closes it.
func OpenTracepoint(id uint64) (*Event, error) { return Open(tracepoint(id), 0) }

func tracepoint(id uint64) sys.PerfEventAttr {
	return sys.PerfEventAttr{Type: sys.PerfTypeTracepoint, Config: id}
}

func newEvent(fd *sys.FD, err error) (*Event, error) {
	if err != nil {
		return nil, err
	}
	return &Event{fd: fd}, nil
}

// Attachment says how a program is attached to a perf event.
type Attachment struct {
	Program  *sys.FD
	Cookie   uint64
	Ioctl    bool // by ioctl even where the kernel has links
	Disabled bool // don't start the event
	Kernel   Features
	Log      *slog.Logger
}

// Attach attaches the program to an open perf event, by a BPF link where the kernel has them for
// perf events (5.15), else by ioctl, and starts the event (libbpf
// bpf_program__attach_perf_event_opts). A cookie needs the link. link is nil if the program was
// attached by ioctl; the caller closes it.
func (a *Attachment) Attach(event int) (link *sys.FD, err error) {
	if a.Ioctl {
		err = a.byIoctl(event)
	} else if link, err = sys.LinkCreate(&sys.LinkCreateAttr{
		ProgFD: a.Program.Uint32(), Target: uint32(event), AttachType: uapi.AttachPerfEvent,
		Detail: &sys.LinkPerfEvent{Cookie: a.Cookie},
	}); err == syscall.EINVAL && !Has(a.Kernel, facts.PerfLink, a.Log) {
		a.Log.Info("this kernel has no links to perf events, attaching by ioctl")
		link, err = nil, a.byIoctl(event)
	}
	if err == nil && !a.Disabled {
		err = sys.PerfEventEnable(event)
	}
	if err != nil {
		return nil, withUndo(err, link.Close())
	}
	return link, nil
}

func (a *Attachment) byIoctl(event int) error {
	if a.Cookie != 0 {
		return fmt.Errorf("a cookie needs a link to the perf event (5.15), not an ioctl: %w",
			errors.ErrUnsupported)
	}
	return sys.PerfEventSetBPF(event, a.Program.Int())
}

// Adopt makes an Event of a perf event and its link, which may be nil, and takes ownership of both.
func Adopt(fd, link *sys.FD) *Event { return &Event{fd: fd, link: link} }

// Attach is Attachment.Attach to this event. On failure the event stays as it is.
func (e *Event) Attach(how *Attachment) (err error) {
	e.link, err = how.Attach(e.fd.Int())
	return err
}

// FD returns the descriptor of the event.
func (e *Event) FD() int { return e.fd.Int() }

// Link returns the link of the program; nil if it was attached by ioctl. The Event owns it.
func (e *Event) Link() *sys.FD { return e.link }

// Close detaches the program and closes the event, in this order, which is faster. If the link is
// pinned, the pin may keep an event in tracefs; that is no error. e may be nil.
func (e *Event) Close(pinned bool) error {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	errs := []error{e.link.Close(), e.fd.Close()}
	if e.defined != nil {
		if err := e.defined.undo(); !pinned || !errors.Is(err, syscall.EBUSY) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// renew replaces the event and its link by those that attach makes, if the event ended with its
// CPU.
func (e *Event) renew(attach func() (*Event, error)) (renewed bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false, nil
	}
	if alive, err := hotplug.Alive(e.fd); alive || err != nil {
		return false, err
	}
	fresh, err := attach()
	if err != nil {
		return false, err
	}
	if e.link != nil {
		err = e.link.Replace(fresh.link)
	}
	if err == nil {
		err = e.fd.Replace(fresh.fd)
	}
	return err == nil, errors.Join(err, fresh.Close(false))
}
