package bpf

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/hint"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// PerfEvent is something that the kernel counts. A program runs at every Period-th count, or
// Frequency times a second.
type PerfEvent struct {
	// Type is one of sys.PerfTypeHardware, PerfTypeSoftware, PerfTypeTracepoint, PerfTypeHWCache,
	// PerfTypeRaw, or the number of a PMU in /sys/bus/event_source/devices/*/type.
	Type uint32
	// Config selects the event of the type: PERF_COUNT_HW_*, PERF_COUNT_SW_*, a tracepoint's id,
	// ...
	Config uint64
	// Period is the number of counts between two runs (nanoseconds for clocks). With Frequency the
	// kernel chooses the period so that the program runs that often a second. If neither is set,
	// Frequency is 100. Tracepoints have neither; the program runs each time.
	Period    uint64
	Frequency uint64
}

// PerfEventOptions changes how a program attaches to perf events.
type PerfEventOptions struct {
	CPUs []int // only on these; nil: all that are online
	// PID runs it only while this thread runs (a process's id is that of its first thread); 0: any
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

// Bits of PerfEventAttr.Bits.
const (
	perfDisabled = 0  // it doesn't start by itself
	perfFreq     = 10 // Sample is a frequency
)

// perfBit returns a bit of PerfEventAttr.Bits: a bit field of a C compiler, counted from the other
// end on big-endian machines.
func perfBit(n uint) uint64 {
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		n = 63 - n
	}
	return 1 << n
}

// perfEvents are the events that have the same number on all machines, by their names in perf list.
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

// PerfEventNamed returns the event of that name in perf list: a hardware or software event
// ("cycles", "cpu-clock") or a tracepoint ("sched:sched_switch"). It looks tracepoints up in
// tracefs, which needs root, CAP_DAC_OVERRIDE or a changed mode. ErrNotExist if there is none.
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
		return PerfEvent{}, newError("find perf event", about{"", name},
			hint.Add(ErrNotExist, n.Hint()))
	}
	id, err := kernel.Running().TracepointID(category, event)
	if err != nil {
		a := attempt{op: opTracefs, access: tracefsAccess[:]}
		return PerfEvent{}, a.fail("find perf event", about{"", name}, err)
	}
	return PerfEvent{Type: sys.PerfTypeTracepoint, Config: id}, nil
}

// String returns the event's name in perf list, or its numbers.
func (e PerfEvent) String() string {
	for _, known := range perfEvents {
		if known.typ == e.Type && known.config == e.Config {
			return known.name
		}
	}
	return "type " + strconv.FormatUint(uint64(e.Type), 10) + " config 0x" +
		strconv.FormatUint(e.Config, 16)
}

// AttachPerfEvent opens a perf event on every online CPU and attaches the program to each (libbpf
// bpf_program__attach_perf_event_opts on each; 4.9): a perf_event program to a hardware, software
// or PMU event, a tracepoint program to a tracepoint. A tracepoint is opened once because its event
// sees all CPUs. With a PID and no CPUs it is one event, which follows the thread.
//
// CPUs may go offline and online. The kernel stops the event of a CPU that goes offline for good;
// when the CPU is back a goroutine, which sleeps meanwhile, opens another event and attaches the
// program to it in place of the old one: the Link and its descriptor stay, but a pin of it keeps
// the old event. Without CPUs in the options the program is also attached to CPUs that come online
// later, until all Links are closed. Failures of the goroutine go to the logger of the load. libbpf
// does none of this.
//
// Needs CAP_PERFMON, also for CPUs that come online later; with kernel.perf_event_paranoid above 2
// some kernels ask for CAP_SYS_ADMIN. ErrNotExist if the machine has no such event (virtual
// machines often have no hardware events); EINVAL if the event takes another type of program. The
// caller closes the Links.
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
	attr, err := event.attr()
	if err == nil && opts.PID < 0 {
		err = fmt.Errorf("there is no process %d: %w", opts.PID, syscall.EINVAL)
	}
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	at := perfAttach{program: p, to: to, attr: attr, opts: *opts}
	switch {
	case opts.PID != 0 && opts.CPUs == nil:
		return at.once(func() (*sys.FD, error) { return at.open(-1) })
	case event.Type != sys.PerfTypeTracepoint && opts.PID == 0:
		return at.everywhere()
	case event.Type == sys.PerfTypeTracepoint && opts.CPUs == nil:
		return at.once(func() (*sys.FD, error) { return onAnyCPU(at.open) })
	case event.Type == sys.PerfTypeTracepoint && len(opts.CPUs) > 1:
		at.opts.CPUs = opts.CPUs[:1]
	}
	return at.on(at.opts.CPUs, func(int, *Link) {})
}

// attr returns the argument of perf_event_open.
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

// perfFail explains why an event could not be opened.
func (p *Program) perfFail(to string, a *attempt, err error) error {
	what := "perf event"
	if strings.HasPrefix(to, what) {
		what = "it"
	}
	a.op, a.program, a.need = opOpenEvent, p, []kernel.Capability{kernel.CapPerfmon}
	return a.attachFail(to, fmt.Errorf("open %s: %w", what, err))
}

// AttachPerfEventFD attaches the program to a perf event that the caller opened, and starts it
// (libbpf bpf_program__attach_perf_event_opts; 4.9). On success the Link owns the event and closes
// it; on failure it stays the caller's. EEXIST if a program is attached to the event; EINVAL if it
// takes no programs of this type. The caller closes the Link.
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
		return nil, p.attachFail(to, fmt.Errorf("no descriptor: %w", syscall.EINVAL))
	}
	fd, err := p.perfLink(event,
		perfWay{cookie: opts.Cookie, ioctl: opts.Ioctl, disabled: opts.Disabled})
	if err != nil {
		failed := p.perfRefused(opAttachEvent|opAttachEventFD, to, event, err)
		return nil, joinErrors(failed, fd.Close())
	}
	owned, err := sys.NewFD(event)
	if err != nil {
		return nil, joinErrors(p.attachFail(to, err), fd.Close())
	}
	return p.newLink(to, fd, owned), nil
}
