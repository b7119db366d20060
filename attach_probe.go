package bpf

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// ProbeMode selects the kernel interface for a kprobe or uprobe (libbpf enum probe_attach_mode).
type ProbeMode uint8

const (
	// ProbeDefault uses the newest interface of the kernel.
	ProbeDefault = ProbeMode(probe.ModeDefault)
	ProbeLegacy  = ProbeMode(probe.ModeLegacy) // event in tracefs, by ioctl: no cookies, no pins
	ProbePerf    = ProbeMode(probe.ModePerf)   // perf event (4.17), by ioctl: no cookies, no pins
	ProbeLink    = ProbeMode(probe.ModeLink)   // perf event, by a BPF link (5.15)
)

// String returns default, legacy, perf or link.
func (m ProbeMode) String() string { return probe.Mode(m).String() }

// attachProbe makes a probe and attaches p to it. refused makes the error of a probe that could not
// be opened; need are the capabilities for that.
func (p *Program) attachProbe(m probe.Machine, to string, at probe.Place, mode ProbeMode,
	cookie uint64, refused func(err error, need []kernel.Capability) error) (*Link, error) {
	way, err := probe.Choose(m, at, probe.Mode(mode), cookie, p.logger())
	if err != nil {
		return nil, p.attachFail(to, err, kernel.CapPerfmon)
	}
	event, err := way.Open()
	if err != nil {
		return nil, refused(err, way.Need())
	}
	return p.attachEvent(to, event, probe.Attachment{Cookie: cookie, Ioctl: way.Ioctl()})
}

// attachEvent attaches p to a perf event and takes ownership of the event, also on failure.
func (p *Program) attachEvent(to string, event *probe.Event, how probe.Attachment) (*Link, error) {
	if err := p.attachTo(to, event, how); err != nil {
		return nil, err
	}
	return p.eventLink(to, event), nil
}

// attachTo does the same as attachEvent, without making a Link.
func (p *Program) attachTo(to string, event *probe.Event, how probe.Attachment) error {
	how.Program, how.Kernel, how.Log = p.fd, p.running(), p.logger()
	if err := event.Attach(&how); err != nil {
		return joinErrors(
			p.eventRefused(explain.AttachEvent, to, event.FD(), err),
			event.Close(false),
		)
	}
	return nil
}

// eventLink makes the Link of an event that p is attached to.
func (p *Program) eventLink(to string, event *probe.Event) *Link {
	l := p.newLink(to, event.Link())
	l.event = event
	return l
}

// eventPrograms are the types of programs that run at perf events, each at its own kind of events.
var eventPrograms = [...]uapi.ProgType{uapi.ProgPerfEvent, uapi.ProgTracepoint, uapi.ProgKprobe}

// eventRefused wraps the error of an attempt to attach p to an event. op is explain.AttachEvent,
// with explain.AttachEventFD if the event belongs to the caller.
func (p *Program) eventRefused(op explain.Op, to string, event int, err error) error {
	at := &explain.Place{
		Name:  to,
		Types: eventPrograms[:],
		Need:  []kernel.Capability{kernel.CapPerfmon},
	}
	if p.typ == uapi.ProgKprobe && p.expected != 0 {
		at.Rule = fmt.Sprintf("the program was loaded for %v, not for a single probe", p.expected)
	}
	a := at.Attempt(op)
	a.Event = event
	return p.attachRefused(a, to, at.Cause(err))
}

// eventNotOpened wraps the error of an attempt to open the event that p is to be attached to.
func (p *Program) eventNotOpened(to string, a *explain.Attempt, err error) error {
	what := "perf event"
	if strings.HasPrefix(to, what) {
		what = "it"
	}
	a.Op, a.Need = explain.OpenEvent, []kernel.Capability{kernel.CapPerfmon}
	return p.attachRefused(a, to, fmt.Errorf("open %s: %w", what, err))
}

// requireType refuses to attach a program of another type than the hook takes, for which the kernel
// would answer a bare EINVAL.
func (p *Program) requireType(hook string, want ...uapi.ProgType) error {
	if !slices.Contains(want, p.typ) {
		return fmt.Errorf("%s takes programs of type %s, this one is of type %v: %w",
			hook, explain.TypeNames(want), p.typ, syscall.EINVAL)
	}
	return nil
}

// requireMulti refuses a program that was not loaded for many functions, for which the kernel would
// answer a bare EINVAL. The attach type of a program that was opened by a pin or an id is unknown.
func (p *Program) requireMulti(want uapi.AttachType, section string) error {
	if err := p.requireType(section, uapi.ProgKprobe); err != nil {
		return err
	}
	if p.obj != nil && p.expected != want {
		return fmt.Errorf("the program was not loaded with attach type %v, that of SEC(%q): %w",
			want, section, syscall.EINVAL)
	}
	return nil
}

// # Places in sections

// secTarget returns the SEC() text after the kind. errNothingToDo if the section is the bare kind.
func (p *Program) secTarget() (string, error) {
	_, target, ok := strings.Cut(p.section, "/")
	if !ok {
		return "", errNothingToDo
	}
	return target, nil
}

// secFile splits the text of a section into a file and the rest: "path:rest".
func (p *Program) secFile() (file, rest string, err error) {
	target, err := p.secTarget()
	if err != nil {
		return "", "", err
	}
	file, rest, _ = strings.Cut(target, ":")
	if file == "" || rest == "" {
		return "", "", p.secFail(fmt.Errorf("want path:function: %w", syscall.EINVAL))
	}
	return file, rest, nil
}

// secFail returns an error about the text of a section.
func (p *Program) secFail(err error) error {
	return p.fail("attach program", fmt.Errorf("SEC(%q): %w", p.section, err))
}

// noteRest logs the end of a section that has no meaning.
func (p *Program) noteRest(rest string) {
	if rest != "" {
		p.logger().Warn("ignored the end of the section", "section", p.section, "end", rest)
	}
}
