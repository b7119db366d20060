// Package probe opens perf events for kprobes, uprobes, tracepoints and counters, and attaches
// programs to them.
//
// A kprobe or uprobe is a perf event of its own kind, a PMU (4.17), or an event in tracefs on older
// kernels. A program is attached to it by a BPF link (5.15) or by ioctl. Choose selects among
// these, as libbpf does. Links to many functions at once need no perf events.
package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/kernel"
)

// Mode selects the kernel interface of a kprobe or uprobe.
type Mode uint8

const (
	ModeDefault Mode = iota
	ModeLegacy
	ModePerf
	ModeLink
)

var modes = [...]string{ModeDefault: "default", ModeLegacy: "legacy", ModePerf: "perf",
	ModeLink: "link"}

// String returns default, legacy, perf or link.
func (m Mode) String() string {
	if int(m) < len(modes) {
		return modes[m]
	}
	return "ProbeMode(" + strconv.Itoa(int(m)) + ")"
}

// Machine holds the facts about a machine that probes need; *kernel.Facts implements it.
type Machine interface {
	// EventSource returns the perf event type of a PMU ("kprobe", "uprobe"), fs.ErrNotExist if the
	// kernel has none of that name.
	EventSource(name string) (uint32, error)
	// EventSourceBit returns the bit of config that a format file of a PMU names.
	EventSourceBit(name, format string) (uint, error)
	// EventSourceHas reports whether a PMU has a format file of that name.
	EventSourceHas(name, format string) (bool, error)
	Tracefs
	Features
}

// Tracefs knows where tracefs is.
type Tracefs interface {
	// Tracefs returns the mount point of tracefs.
	Tracefs() (string, error)
}

// Features reports the features of a kernel.
type Features interface {
	Has(facts.Feature) (bool, error)
}

// Has reports whether the kernel supports f; if that is unknown it warns and returns false, as
// libbpf does.
func Has(k Features, f facts.Feature, log *slog.Logger) bool {
	yes, err := k.Has(f)
	if err != nil {
		log.Warn("taken as missing: "+f.Without(), "feature", f, "err", err)
	}
	return yes && err == nil
}

// Place is a place to probe: a *Kprobe or a *Uprobe.
type Place interface {
	source() string // of perf events: "kprobe", "uprobe"
	open(m Machine, pmu uint32) (*Event, error)
	openLegacy(m Tracefs) (*Event, error)
	// require refuses what the PMU would ignore.
	require(m Machine) error
}

// Way is a choice of interfaces for a probe.
type Way struct {
	machine Machine
	place   Place
	pmu     uint32 // perf event type, unless legacy
	legacy  bool   // by an event in tracefs
	ioctl   bool   // attached by ioctl even where the kernel has links
	noPMU   error  // why the perf event type is unknown, although the kernel may have one
}

// Choose chooses how to probe a place and to attach a program with that cookie, and logs what
// differs from the newest interface.
func Choose(m Machine, at Place, mode Mode, cookie uint64, log *slog.Logger) (Way, error) {
	w, err := choose(m, at, mode)
	source := at.source()
	switch {
	case err != nil:
		return w, err
	case w.ioctl && cookie != 0:
		return w, fmt.Errorf("mode %v supports no cookies: %w", mode, errors.ErrUnsupported)
	case w.noPMU != nil:
		log.Warn("cannot determine the perf event type of "+source+
			"s, using an event in tracefs", "err", w.noPMU)
	case w.legacy && mode == ModeDefault:
		log.Info("this kernel has no perf events for " + source + "s, using an event in tracefs")
	}
	if !w.legacy {
		err = at.require(m)
	}
	return w, err
}

func choose(m Machine, at Place, mode Mode) (Way, error) {
	w := Way{machine: m, place: at}
	var err error
	if w.pmu, err = m.EventSource(at.source()); err != nil {
		w.legacy = true
		if !errors.Is(err, fs.ErrNotExist) {
			w.noPMU = err
		}
	}
	switch mode {
	case ModeDefault:
	case ModeLegacy:
		w.legacy, w.ioctl, w.noPMU = true, true, nil
	case ModePerf, ModeLink:
		if w.noPMU != nil {
			return w, fmt.Errorf("mode %v: %w", mode, w.noPMU)
		}
		if w.legacy {
			return w, fmt.Errorf("mode %v: this kernel has no perf events of kind %s (4.17): %w",
				mode, at.source(), errors.ErrUnsupported)
		}
		w.ioctl = mode == ModePerf
	default:
		return w, fmt.Errorf("there is no %v: %w", mode, syscall.EINVAL)
	}
	if mode == ModeLink {
		has, err := m.Has(facts.PerfLink)
		if err != nil {
			return w, err
		}
		if !has {
			return w, fmt.Errorf("mode %v: this kernel has no links to perf events (5.15): %w",
				mode, errors.ErrUnsupported)
		}
	}
	return w, nil
}

// Ioctl reports whether the program is to be attached by ioctl even where the kernel has links.
func (w *Way) Ioctl() bool { return w.ioctl }

// Need returns the capabilities to make and attach the probe: since 5.8 CAP_PERFMON is sufficient
// for functions of the kernel, but not for those of programs.
func (w *Way) Need() []kernel.Capability {
	switch {
	case w.legacy:
		return []kernel.Capability{kernel.CapPerfmon, kernel.CapDACOverride}
	case w.place.source() == "uprobe":
		return []kernel.Capability{kernel.CapSysAdmin}
	}
	return []kernel.Capability{kernel.CapPerfmon}
}

// Open makes the probe. The caller closes the Event.
func (w *Way) Open() (*Event, error) {
	if !w.legacy {
		return w.place.open(w.machine, w.pmu)
	}
	event, err := w.place.openLegacy(w.machine)
	if err != nil && w.noPMU != nil {
		err = fmt.Errorf("%w; and no event in tracefs: %v", w.noPMU, err)
	}
	return event, err
}

// returnConfig returns what selects the return of a function in the config of a PMU's events.
func returnConfig(m Machine, source string, ret bool) (uint64, error) {
	if !ret {
		return 0, nil
	}
	bit, err := m.EventSourceBit(source, "retprobe")
	return 1 << bit, err
}
