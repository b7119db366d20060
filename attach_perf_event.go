package bpf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/hint"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// PerfEvent is something that the kernel counts. A program runs at every Period-th count, or
// Frequency times a second.
type PerfEvent struct {
	// Type is one of sys.PerfTypeHardware, PerfTypeSoftware, PerfTypeTracepoint, PerfTypeHWCache,
	// PerfTypeRaw, or the number of a PMU in /sys/bus/event_source/devices/*/type.
	Type   sys.PerfType
	Config uint64 // event of the type: PERF_COUNT_HW_*, PERF_COUNT_SW_*, a tracepoint's id, ...
	// Period is the number of counts between two runs (nanoseconds for clocks). With Frequency the
	// kernel chooses the period so that the program runs that often a second. If neither is set,
	// Frequency is 100. Tracepoints use neither: the program runs every time.
	Period    uint64
	Frequency uint64
}

// PerfEventOptions changes how a program attaches to perf events.
type PerfEventOptions struct {
	CPUs []int // only on these; nil: all that are online
	// PID limits the event to the thread with this id; a process's id is that of its first thread.
	// 0 is every process, unlike in perf_event_open(2); one's own is os.Getpid().
	PID    int
	Cookie uint64 // what bpf_get_attach_cookie returns in the program (5.15)
	Ioctl  bool   // attach by ioctl even where the kernel has links (libbpf force_ioctl_attach)
}

// PerfEventFDOptions changes how a program attaches to an open perf event.
type PerfEventFDOptions struct {
	Cookie   uint64 // what bpf_get_attach_cookie returns in the program (5.15)
	Ioctl    bool   // attach by ioctl even where the kernel has links (libbpf force_ioctl_attach)
	Disabled bool   // don't start the event (libbpf dont_enable)
}

// PerfEventNamed returns the event that perf list shows under that name: a hardware or software
// event ("cycles", "cpu-clock") or a tracepoint ("sched:sched_switch"), which needs
// CAP_DAC_OVERRIDE unless the mode of tracefs was changed. ErrNotExist if there is none.
func PerfEventNamed(name string) (PerfEvent, error) {
	if c, ok := probe.NamedCounter(name); ok {
		return PerfEvent(c), nil
	}
	category, event, ok := strings.Cut(name, ":")
	if !ok {
		return PerfEvent{}, newError("find perf event", about{"", name},
			hint.Add(ErrNotExist, probe.NearCounters(name)))
	}
	id, err := kernel.Running().TracepointID(category, event)
	if err != nil {
		a := explain.Attempt{Op: explain.Tracefs, Access: tracefsAccess[:]}
		return PerfEvent{}, failed(&a, "find perf event", about{"", name}, err)
	}
	return PerfEvent{Type: sys.PerfTypeTracepoint, Config: id}, nil
}

// String returns the event's name in perf list, or its numbers.
func (e PerfEvent) String() string {
	c := probe.Counter(e)
	return c.String()
}

// AttachPerfEvent opens a perf event on every online CPU and attaches the program to each (libbpf
// bpf_program__attach_perf_event_opts on each; 4.9): a perf_event program to a hardware, software
// or PMU event, a tracepoint program to a tracepoint. A tracepoint is opened once because its event
// sees all CPUs. With a PID and no CPUs there is one event, for the thread.
//
// When a CPU goes offline, the kernel stops its event for good; when it is online again, a goroutine
// opens another event for the same Link (a pin keeps the old event). Without CPUs in the options the
// program is also attached to CPUs that come online later, until all Links are closed. The logger
// of the load gets failures of the goroutine. libbpf does none of this.
//
// Needs CAP_PERFMON (see Attaching in the package comment), also for CPUs that come online later.
// ErrNotExist if there is no such event (virtual machines often have no hardware events); EINVAL if
// the event takes other programs.
func (p *Program) AttachPerfEvent(event PerfEvent, opts *PerfEventOptions) (Links, error) {
	if opts == nil {
		opts = &PerfEventOptions{}
	}
	to := "perf event " + event.String()
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	want := uapi.ProgPerfEvent
	if event.Type == sys.PerfTypeTracepoint {
		want = uapi.ProgTracepoint
	}
	if err := p.requireType("this event", want); err != nil {
		return nil, p.attachFail(to, err)
	}
	counter := probe.Counter(event)
	attr, err := counter.Attr()
	if err == nil {
		err = probe.CheckPID(opts.PID)
	}
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	at := perfAttach{program: p, to: to, attr: attr, opts: *opts}
	switch {
	case event.Type != sys.PerfTypeTracepoint && opts.PID == 0:
		return at.everywhere()
	case opts.CPUs == nil:
		return at.once()
	case event.Type == sys.PerfTypeTracepoint && len(opts.CPUs) > 1:
		at.opts.CPUs = opts.CPUs[:1]
	}
	events, err := probe.OnCPUs(at.opts.CPUs, at.onCPU)
	return at.links(nil, events, err)
}

// perfAttach is a program and the perf events to attach it to.
type perfAttach struct {
	program *Program
	to      string
	attr    sys.PerfEventAttr
	opts    PerfEventOptions
}

// on returns the place on one CPU.
func (a *perfAttach) on(cpu int) string { return a.to + " on CPU " + strconv.Itoa(cpu) }

// attach attaches the program to an event and takes ownership of the event, also on failure.
func (a *perfAttach) attach(to string, event *probe.Event) error {
	return a.program.attachTo(to, event,
		probe.Attachment{Cookie: a.opts.Cookie, Ioctl: a.opts.Ioctl})
}

// once attaches the program to a single event.
func (a *perfAttach) once() (Links, error) {
	event, err := probe.Open(a.attr, a.opts.PID)
	if err != nil {
		return nil, a.program.eventNotOpened(a.to, &explain.Attempt{PID: a.opts.PID}, err)
	}
	if err := a.attach(a.to, event); err != nil {
		return nil, err
	}
	return Links{a.program.eventLink(a.to, event)}, nil
}

// onCPU attaches the program to the event of one CPU.
func (a *perfAttach) onCPU(cpu int) (*probe.Event, error) {
	event, err := probe.OpenOn(a.attr, a.opts.PID, cpu)
	if err != nil {
		return nil, a.program.eventNotOpened(a.on(cpu),
			&explain.Attempt{PID: a.opts.PID, OneCPU: true, CPU: cpu}, err)
	}
	if err := a.attach(a.on(cpu), event); err != nil {
		return nil, err
	}
	return event, nil
}

// everywhere attaches the program to the events of the CPUs of the options, and watches the CPUs.
func (a *perfAttach) everywhere() (Links, error) {
	own, err := a.program.fd.Dup() // for CPUs that come online later
	if err != nil {
		return nil, a.program.attachFail(a.to, err)
	}
	program := *a.program
	program.fd = own
	late := *a
	late.program, late.attr.ReadFormat = &program, sys.PerfFormatEnabled
	set, events, err := probe.WatchCPUs(a.opts.CPUs, late.onCPU, own.Close,
		a.program.logger().With("to", a.to))
	return a.links(set, events, err)
}

// links makes the Links of the events of CPUs, which may be in a set.
func (a *perfAttach) links(set *probe.CPUSet, events []probe.CPUEvent, err error) (Links, error) {
	if known := (*Error)(nil); err != nil && !errors.As(err, &known) {
		err = a.program.attachFail(a.to, err)
	}
	if err != nil {
		return nil, err
	}
	var links Links
	for _, e := range events {
		l := a.program.eventLink(a.on(e.CPU), e.Event)
		l.cpus = set
		links = append(links, l)
	}
	return links, nil
}

// AttachPerfEventFD attaches the program to a perf event that the caller opened, and starts it
// (libbpf bpf_program__attach_perf_event_opts; 4.9). On success the Link owns the descriptor and
// closes it; on failure the caller still owns it. EEXIST if a program is attached to the event;
// EINVAL if it takes no programs of this type.
func (p *Program) AttachPerfEventFD(event int, opts *PerfEventFDOptions) (*Link, error) {
	if opts == nil {
		opts = &PerfEventFDOptions{}
	}
	to := "perf event " + strconv.Itoa(event)
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	if event < 0 {
		return nil, p.attachFail(to, fmt.Errorf("the descriptor is negative: %w", syscall.EINVAL))
	}
	how := probe.Attachment{
		Program: p.fd, Cookie: opts.Cookie, Ioctl: opts.Ioctl, Disabled: opts.Disabled,
		Kernel: p.running(), Log: p.logger(),
	}
	fd, err := how.Attach(event)
	if err != nil {
		return nil, p.eventRefused(explain.AttachEvent|explain.AttachEventFD, to, event, err)
	}
	owned, err := sys.NewFD(event)
	if err != nil {
		return nil, joinErrors(p.attachFail(to, err), fd.Close())
	}
	return p.eventLink(to, probe.Adopt(owned, fd)), nil
}
