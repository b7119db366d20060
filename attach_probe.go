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

// ProbeMode says through which of the kernel's interfaces a kprobe or uprobe is made (libbpf enum probe_attach_mode).
type ProbeMode uint8

const (
	// ProbeDefault is the newest that the kernel has: a perf event of its own kind (4.17), else one of an event in tracefs; attached
	// by a BPF link (5.15), else by ioctl.
	ProbeDefault ProbeMode = iota
	// ProbeLegacy is an event in tracefs, attached by ioctl: every kernel with kprobes or uprobes. No cookies, no pins.
	ProbeLegacy
	// ProbePerf is a perf event of its own kind, attached by ioctl. No cookies, no pins.
	ProbePerf
	// ProbeLink is a perf event of its own kind, attached by a BPF link.
	ProbeLink
)

var probeModes = [...]string{ProbeDefault: "default", ProbeLegacy: "legacy", ProbePerf: "perf", ProbeLink: "link"}

// String returns default, legacy, perf or link.
func (m ProbeMode) String() string {
	if int(m) < len(probeModes) {
		return probeModes[m]
	}
	return "ProbeMode(" + strconv.Itoa(int(m)) + ")"
}

// tracing is what probes have to know of the machine; *kernel.Facts answers it.
type tracing interface {
	// EventSource is the perf event type of a PMU ("kprobe", "uprobe"), fs.ErrNotExist if the kernel has none of that name.
	EventSource(name string) (uint32, error)
	// EventSourceBit is the bit of config that a format file of a PMU names.
	EventSourceBit(name, format string) (uint, error)
	// Tracefs is where tracefs is mounted.
	Tracefs() (string, error)
	featureSource
}

// featureSource tells which features the machine's kernel has.
type featureSource interface {
	Has(facts.Feature) (bool, error)
}

// probeWay is how a probe is made: by an event in tracefs or by the PMU, attached by ioctl or by a link if possible.
type probeWay struct {
	source string // of perf events: "kprobe", "uprobe"
	pmu    uint32 // perf event type, with legacy unset
	legacy bool
	ioctl  bool
	noPMU  error // why the perf event type is not known, although the kernel may have one
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
			return w, fmt.Errorf("mode %v: this kernel has no perf events of kind %s (4.17): %w", m, pmu, ErrNotSupported)
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
			return w, fmt.Errorf("mode %v: this kernel has no links to perf events (5.15): %w", m, ErrNotSupported)
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
		p.events().Warn("could not find out the type of perf events for "+pmu+"s, using an event in tracefs",
			"object", p.ObjectName(), "program", p.name, "err", w.noPMU)
	case w.legacy && mode == ProbeDefault:
		p.events().Info("this kernel has no perf events for "+pmu+"s, using an event in tracefs", "object", p.ObjectName(), "program", p.name)
	}
	return w, err
}

// need is what making and attaching the probe takes: since 5.8 CAP_PERFMON is enough for the kernel's functions, not for those of
// programs.
func (w probeWay) need() []kernel.Capability {
	switch {
	case w.legacy:
		return []kernel.Capability{kernel.CapPerfmon, kernel.CapDACOverride}
	case w.source == "uprobe":
		return []kernel.Capability{kernel.CapSysAdmin}
	}
	return []kernel.Capability{kernel.CapPerfmon}
}

// open makes the probe, by the PMU or by an event in tracefs, and says how a program is attached to it.
func (w probeWay) open(cookie uint64, byPMU func(pmu uint32) (*sys.FD, error), byEvent func() (*sys.FD, *probe.Event, error)) (event *sys.FD, how perfWay, err error) {
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

// requireType refuses to attach a program of another type than the hook takes, which the kernel would answer with a bare EINVAL.
func (p *Program) requireType(hook string, want ...uapi.ProgType) error {
	if !slices.Contains(want, p.typ) {
		return fmt.Errorf("%s takes programs of type %s, this one is of type %v: %w", hook, typeNames(want), p.typ, syscall.EINVAL)
	}
	return nil
}
