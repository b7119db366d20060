package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// PerfEvent is something that the kernel counts, and that a program runs at every so often.
type PerfEvent struct {
	// Type is one of sys.PerfTypeHardware, PerfTypeSoftware, PerfTypeTracepoint, PerfTypeHWCache, PerfTypeRaw, or the number of a PMU in
	// /sys/bus/event_source/devices/*/type.
	Type uint32
	// Config says which event of the type: PERF_COUNT_HW_*, PERF_COUNT_SW_*, a tracepoint's id, ...
	Config uint64
	// Period runs the program after so many of them (nanoseconds for clocks). Frequency has the kernel choose the period to run it so
	// many times a second. Neither: Frequency 100. Tracepoints have neither and run it each time.
	Period    uint64
	Frequency uint64
}

// PerfEventOptions changes how a program attaches to perf events.
type PerfEventOptions struct {
	CPUs   []int  // only on these; nil: all that are online
	PID    int    // only while this thread runs (the first one of a process has the process's id); 0: any
	Cookie uint64 // what bpf_get_attach_cookie returns in the program (5.15)
	Ioctl  bool   // attach by ioctl even where the kernel has links (libbpf force_ioctl_attach)
}

// PerfEventFDOptions changes how a program attaches to a perf event that is open.
type PerfEventFDOptions struct {
	Cookie   uint64 // what bpf_get_attach_cookie returns in the program (5.15)
	Ioctl    bool   // attach by ioctl even where the kernel has links (libbpf force_ioctl_attach)
	Disabled bool   // don't start the event (libbpf dont_enable)
}

// Bits of PerfEventAttr.Bits.
const (
	perfDisabled = 0  // it doesn't start by itself
	perfFreq     = 10 // Sample is a frequency
)

// perfBit is a bit of PerfEventAttr.Bits: a C compiler's bit field, counted from the other end on big-endian machines.
func perfBit(n uint) uint64 {
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		n = 63 - n
	}
	return 1 << n
}

// perfEvents are the events that have the same number everywhere, by the names of perf list.
var perfEvents = [...]struct {
	name   string
	typ    uint32
	config uint64
}{
	{"cycles", sys.PerfTypeHardware, 0},
	{"cpu-cycles", sys.PerfTypeHardware, 0},
	{"instructions", sys.PerfTypeHardware, 1},
	{"cache-references", sys.PerfTypeHardware, 2},
	{"cache-misses", sys.PerfTypeHardware, 3},
	{"branches", sys.PerfTypeHardware, 4},
	{"branch-instructions", sys.PerfTypeHardware, 4},
	{"branch-misses", sys.PerfTypeHardware, 5},
	{"bus-cycles", sys.PerfTypeHardware, 6},
	{"stalled-cycles-frontend", sys.PerfTypeHardware, 7},
	{"stalled-cycles-backend", sys.PerfTypeHardware, 8},
	{"ref-cycles", sys.PerfTypeHardware, 9},
	{"cpu-clock", sys.PerfTypeSoftware, 0},
	{"task-clock", sys.PerfTypeSoftware, 1},
	{"page-faults", sys.PerfTypeSoftware, 2},
	{"faults", sys.PerfTypeSoftware, 2},
	{"context-switches", sys.PerfTypeSoftware, 3},
	{"cs", sys.PerfTypeSoftware, 3},
	{"cpu-migrations", sys.PerfTypeSoftware, 4},
	{"migrations", sys.PerfTypeSoftware, 4},
	{"minor-faults", sys.PerfTypeSoftware, 5},
	{"major-faults", sys.PerfTypeSoftware, 6},
	{"alignment-faults", sys.PerfTypeSoftware, 7},
	{"emulation-faults", sys.PerfTypeSoftware, 8},
	{"dummy", sys.PerfTypeSoftware, 9},
	{"bpf-output", sys.PerfTypeSoftware, 10},
	{"cgroup-switches", sys.PerfTypeSoftware, 11},
}

// PerfEventNamed returns the event that perf list calls name: a hardware or software event ("cycles", "cpu-clock") or a tracepoint
// ("sched:sched_switch"), which is looked up in tracefs: that takes root, CAP_DAC_OVERRIDE
// or a changed mode of it. ErrNotExist if there is none.
func PerfEventNamed(name string) (PerfEvent, error) {
	for _, e := range perfEvents {
		if e.name == name {
			return PerfEvent{Type: e.typ, Config: e.config}, nil
		}
	}
	category, event, ok := strings.Cut(name, ":")
	if !ok {
		n := nearest.To(name)
		for _, e := range perfEvents {
			n.Offer([]byte(e.name))
		}
		return PerfEvent{}, &Error{Op: "find perf event", Subject: name, Err: ErrNotExist, Hint: n.Hint()}
	}
	id, err := tracepointID(category, event)
	if err != nil {
		return PerfEvent{}, &Error{Op: "find perf event", Subject: name, Err: err, Hint: accessHint(err, kernel.CapDACOverride)}
	}
	return PerfEvent{Type: sys.PerfTypeTracepoint, Config: id}, nil
}

// String names the event as perf list does, or by its numbers.
func (e PerfEvent) String() string {
	for _, known := range perfEvents {
		if known.typ == e.Type && known.config == e.Config {
			return known.name
		}
	}
	return "type " + strconv.FormatUint(uint64(e.Type), 10) + " config 0x" + strconv.FormatUint(e.Config, 16)
}

// AttachPerfEvent opens a perf event on every online CPU and attaches the program to each (libbpf
// bpf_program__attach_perf_event_opts on each; 4.9): a perf_event program to a hardware, software or PMU event, a tracepoint program to
// a tracepoint, which is opened once because it is seen on all CPUs anyway. A CPU that goes offline meanwhile is left out.
//
// Needs CAP_PERFMON. ErrNotExist if the machine has no such event, as virtual machines often have no hardware events; EINVAL if the
// program is not of the type that the event takes. The caller closes the Links.
func (p *Program) AttachPerfEvent(event PerfEvent, opts *PerfEventOptions) (Links, error) {
	if opts == nil {
		opts = &PerfEventOptions{}
	}
	to := "perf event " + event.String()
	if p.fd.Int() < 0 {
		return nil, p.attachFail(to, nil)
	}
	want := uapi.ProgPerfEvent
	if event.Type == sys.PerfTypeTracepoint {
		want = uapi.ProgTracepoint
	}
	if err := p.requireType("this event", want); err != nil {
		return nil, p.attachFail(to, err)
	}
	attr, err := event.attr()
	if err == nil && opts.PID < 0 {
		err = fmt.Errorf("there is no process %d: %w", opts.PID, syscall.EINVAL)
	}
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	cpus := opts.CPUs
	if cpus == nil {
		if cpus, err = kernel.Running().OnlineCPUs(); err != nil {
			return nil, p.attachFail(to, err)
		}
	}
	if event.Type == sys.PerfTypeTracepoint && len(cpus) > 1 {
		cpus = cpus[:1]
	}
	var links Links
	for _, cpu := range cpus {
		on := to + " on CPU " + strconv.Itoa(cpu)
		link, err := p.attachPerfCPU(on, attr, cpu, opts)
		if err == syscall.ENODEV && opts.CPUs == nil {
			p.events().info("the CPU went offline", "object", p.objectName(), "program", p.name, "cpu", cpu)
			continue
		}
		if err != nil {
			if _, unopened := err.(syscall.Errno); unopened {
				err = p.perfFail(on, err)
			}
			return nil, errors.Join(err, links.Close())
		}
		links = append(links, link)
	}
	if len(links) == 0 {
		return nil, p.attachFail(to, fmt.Errorf("no CPU to attach on: %w", syscall.ENODEV))
	}
	return links, nil
}

// attachPerfCPU opens and attaches on one CPU. The error is an Errno if the event could not be opened.
func (p *Program) attachPerfCPU(to string, attr sys.PerfEventAttr, cpu int, opts *PerfEventOptions) (*Link, error) {
	pid := opts.PID
	if pid == 0 {
		pid = -1
	}
	event, err := sys.PerfEventOpen(&attr, pid, cpu, -1, 0)
	if err != nil {
		return nil, err
	}
	return p.attachPerf(to, event, perfWay{cookie: opts.Cookie, ioctl: opts.Ioctl})
}

// attr is what perf_event_open takes.
func (e PerfEvent) attr() (sys.PerfEventAttr, error) {
	a := sys.PerfEventAttr{Type: e.Type, Config: e.Config, Bits: perfBit(perfDisabled)}
	switch {
	case e.Period != 0 && e.Frequency != 0:
		return a, fmt.Errorf("both a period and a frequency are given: %w", syscall.EINVAL)
	case e.Type == sys.PerfTypeTracepoint:
		if e.Period != 0 || e.Frequency != 0 {
			return a, fmt.Errorf("a tracepoint has no period and no frequency: %w", syscall.EINVAL)
		}
	case e.Period != 0:
		a.Sample = e.Period
	default:
		a.Sample = e.Frequency
		if a.Sample == 0 {
			a.Sample = 100
		}
		a.Bits |= perfBit(perfFreq)
	}
	return a, nil
}

// perfFail explains an event that could not be opened.
func (p *Program) perfFail(to string, cause error) error {
	e := p.attachFail(to, fmt.Errorf("open perf event: %w", cause), kernel.CapPerfmon)
	return withHint(e, func() string {
		switch cause {
		case syscall.EACCES:
			return accessHint(cause, kernel.CapPerfmon)
		case syscall.ENOENT:
			return "this machine has no such event"
		case syscall.ENODEV:
			return "the CPU is offline, or there is none of that number"
		}
		return ""
	})
}

// AttachPerfEventFD attaches the program to a perf event that the caller opened, and starts it (libbpf
// bpf_program__attach_perf_event_opts; 4.9). The event is the Link's from then on, which closes it; if this fails it stays the caller's.
// EEXIST if a program is attached to the event; EINVAL if it is none for programs of this type. The caller closes the Link.
func (p *Program) AttachPerfEventFD(event int, opts *PerfEventFDOptions) (*Link, error) {
	if opts == nil {
		opts = &PerfEventFDOptions{}
	}
	to := "perf event " + strconv.Itoa(event)
	if p.fd.Int() < 0 {
		return nil, p.attachFail(to, nil)
	}
	if event < 0 {
		return nil, p.attachFail(to, fmt.Errorf("no descriptor: %w", syscall.EINVAL))
	}
	fd, err := p.perfLink(event, perfWay{cookie: opts.Cookie, ioctl: opts.Ioctl, disabled: opts.Disabled})
	if err != nil {
		failed := p.perfRefused(to, event, err)
		if errors.Is(err, syscall.EINVAL) {
			failed = withHint(failed, func() string {
				return fmt.Sprintf("a clock or counter takes a perf_event program, a tracepoint's event a tracepoint program, a probe's a kprobe program: it is of type %v", p.typ)
			})
		}
		return nil, errors.Join(failed, fd.Close())
	}
	owned, err := sys.NewFD(event)
	if err != nil {
		return nil, errors.Join(p.attachFail(to, err), fd.Close())
	}
	return p.newLink(to, fd, owned), nil
}
