package bpf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// ProbeMode selects the kernel interface for a kprobe or uprobe (libbpf enum probe_attach_mode).
type ProbeMode uint8

const (
	// ProbeDefault uses the newest interface of the kernel: a perf event of its own kind (4.17),
	// else one of an event in tracefs; attached by a BPF link (5.15), else by ioctl.
	ProbeDefault ProbeMode = iota
	// ProbeLegacy uses an event in tracefs, attached by ioctl: every kernel with kprobes or uprobes
	// has it. No cookies, no pins.
	ProbeLegacy
	// ProbePerf uses a perf event of its own kind, attached by ioctl. No cookies, no pins.
	ProbePerf
	// ProbeLink uses a perf event of its own kind, attached by a BPF link.
	ProbeLink
)

var probeModes = [...]string{ProbeDefault: "default", ProbeLegacy: "legacy", ProbePerf: "perf",
	ProbeLink: "link"}

// String returns default, legacy, perf or link.
func (m ProbeMode) String() string {
	if int(m) < len(probeModes) {
		return probeModes[m]
	}
	return "ProbeMode(" + strconv.Itoa(int(m)) + ")"
}

// tracing holds the facts about the machine that probes need; *kernel.Facts implements it.
type tracing interface {
	// EventSource returns the perf event type of a PMU ("kprobe", "uprobe"), fs.ErrNotExist if the
	// kernel has none of that name.
	EventSource(name string) (uint32, error)
	// EventSourceBit returns the bit of config that a format file of a PMU names.
	EventSourceBit(name, format string) (uint, error)
	// Tracefs returns the mount point of tracefs.
	Tracefs() (string, error)
	featureSource
}

// featureSource reports the features of the machine's kernel.
type featureSource interface {
	Has(facts.Feature) (bool, error)
}

// probeWay says how a probe is made: by an event in tracefs or by the PMU, attached by ioctl or by
// a link if possible.
type probeWay struct {
	source string // of perf events: "kprobe", "uprobe"
	pmu    uint32 // perf event type, with legacy unset
	legacy bool
	ioctl  bool
	noPMU  error // why the perf event type is unknown, although the kernel may have one
}

// way chooses how to make a probe of pmu ("kprobe", "uprobe").
func (m ProbeMode) way(t tracing, pmu string) (probeWay, error) {
	w := probeWay{source: pmu}
	var err error
	if w.pmu, err = t.EventSource(pmu); err != nil {
		w.legacy = true
		if !errors.Is(err, ErrNotExist) {
			w.noPMU = err
		}
	}
	switch m {
	case ProbeDefault:
	case ProbeLegacy:
		w.legacy, w.ioctl, w.noPMU = true, true, nil
	case ProbePerf, ProbeLink:
		if w.noPMU != nil {
			return w, fmt.Errorf("mode %v: %w", m, w.noPMU)
		}
		if w.legacy {
			return w, fmt.Errorf("mode %v: this kernel has no perf events of kind %s (4.17): %w",
				m, pmu, ErrNotSupported)
		}
		w.ioctl = m == ProbePerf
	default:
		return w, fmt.Errorf("there is no %v: %w", m, syscall.EINVAL)
	}
	if m == ProbeLink {
		has, err := t.Has(facts.PerfLink)
		if err != nil {
			return w, err
		}
		if !has {
			return w, fmt.Errorf("mode %v: this kernel has no links to perf events (5.15): %w",
				m, ErrNotSupported)
		}
	}
	return w, nil
}

// probeWay chooses how to make a probe of pmu to which p will be attached with that cookie.
func (p *Program) probeWay(t tracing, pmu string, mode ProbeMode, cookie uint64) (probeWay, error) {
	w, err := mode.way(t, pmu)
	switch {
	case err != nil:
	case w.ioctl && cookie != 0:
		err = fmt.Errorf("mode %v has no cookies: %w", mode, ErrNotSupported)
	case w.noPMU != nil:
		p.events().Warn("could not find out the type of perf events for "+pmu+
			"s, using an event in tracefs",
			"object", p.ObjectName(), "program", p.name, "err", w.noPMU)
	case w.legacy && mode == ProbeDefault:
		p.events().Info("this kernel has no perf events for "+pmu+"s, using an event in tracefs",
			"object", p.ObjectName(), "program", p.name)
	}
	return w, err
}

// need returns the capabilities to make and attach the probe: since 5.8 CAP_PERFMON is enough for
// functions of the kernel, but not for those of programs.
func (w probeWay) need() []kernel.Capability {
	switch {
	case w.legacy:
		return []kernel.Capability{kernel.CapPerfmon, kernel.CapDACOverride}
	case w.source == "uprobe":
		return []kernel.Capability{kernel.CapSysAdmin}
	}
	return []kernel.Capability{kernel.CapPerfmon}
}

// open makes the probe, by the PMU or by an event in tracefs, and returns how to attach a program
// to it.
func (w probeWay) open(cookie uint64, byPMU func(pmu uint32) (*sys.FD, error),
	byEvent func() (*sys.FD, *probe.Event, error)) (event *sys.FD, how perfWay, err error) {
	how = perfWay{cookie: cookie, ioctl: w.ioctl}
	if w.legacy {
		event, how.legacy, err = byEvent()
		if err != nil && w.noPMU != nil {
			err = fmt.Errorf("%w; and no event in tracefs: %v", w.noPMU, err)
		}
	} else {
		event, err = byPMU(w.pmu)
	}
	return event, how, err
}

// requireType refuses to attach a program of another type than the hook takes, for which the kernel
// would answer a bare EINVAL.
func (p *Program) requireType(hook string, want ...uapi.ProgType) error {
	if !slices.Contains(want, p.typ) {
		return fmt.Errorf("%s takes programs of type %s, this one is of type %v: %w",
			hook, typeNames(want), p.typ, syscall.EINVAL)
	}
	return nil
}
