package bpf

import (
	"errors"
	"fmt"
	"slices"

	"github.com/purebpf/bpf/object"
)

// # Attaching by SEC()
//
// The section of a program may say how to attach it: SEC("tp/sched/sched_switch") names everything,
// SEC("kprobe") names nothing and SEC("xdp") can't name an interface. The SEC() table of package
// object assigns each section a kind (object.AutoAttach), and autoAttach below has one function for
// each kind, which lives in the file of its hook family. A section that doesn't name a target is no
// failure; Object.Attach reports it.

// autoAttach holds the functions that attach a program by its section, by object.AutoAttach. A kind
// without an entry must be attached by hand.
var autoAttach = [...]func(*Program) (*Link, error){
	object.AutoKprobe:        (*Program).autoKprobe,
	object.AutoKprobeMulti:   (*Program).autoKprobeMulti,
	object.AutoKprobeSession: (*Program).autoKprobeSession,
	object.AutoKsyscall:      (*Program).autoKsyscall,
	object.AutoUprobe:        (*Program).autoUprobe,
	object.AutoUprobeMulti:   (*Program).autoUprobeMulti,
	object.AutoUSDT:          (*Program).autoUSDT,
	object.AutoTracepoint:    (*Program).autoTracepoint,
	object.AutoRawTracepoint: (*Program).autoRawTracepoint,
	object.AutoTrace:         (*Program).autoTrace,
	object.AutoLSM:           (*Program).autoLSM,
	object.AutoIter:          (*Program).autoIter,
	object.AutoTracingMulti:  (*Program).autoTracingMulti,
}

// errNothingToDo is the error of an autoAttach function if the section names no target.
var errNothingToDo = errors.New("the section names no target")

// NotAttached is a program or map that Object.Attach didn't attach, and why.
type NotAttached struct {
	Program *Program // nil if it is a map
	Map     *Map     // a struct_ops map
	Reason  string
}

// Attach attaches the program as its section says (libbpf bpf_program__attach). ErrNotSupported if
// the section doesn't say how: use the Attach method of its kind.
func (p *Program) Attach() (*Link, error) {
	link, reason, err := p.attach()
	if err != nil {
		return nil, err
	}
	if link == nil {
		return nil, p.fail("attach program",
			fmt.Errorf("SEC(%q): %s: %w", p.section, reason, ErrNotSupported))
	}
	return link, nil
}

// attach returns a link, or the reason why it made none.
func (p *Program) attach() (*Link, string, error) {
	if err := p.absence(); err != nil {
		return nil, "", p.fail("attach program", err)
	}
	if p.def == nil {
		return nil, "the kind of the section is unknown", nil
	}
	if p.obj != nil {
		if h := p.obj.handlerOf(p.def, p); h != nil && h.Attach != nil {
			link, err := h.Attach(p)
			return link, "its handler attached nothing", err
		}
	}
	if p.def.Type != p.typ {
		return nil, fmt.Sprintf("the section is for another type than %v, to which the program's "+
			"was changed",
			p.typ), nil
	}
	if int(p.def.Auto) >= len(autoAttach) || autoAttach[p.def.Auto] == nil {
		return nil, fmt.Sprintf("programs of this kind (%v) need a call of their Attach method",
			p.typ), nil
	}
	link, err := autoAttach[p.def.Auto](p)
	if errors.Is(err, errNothingToDo) {
		return nil, err.Error(), nil
	}
	return link, "", err
}

// Attach attaches every loaded program whose section says how, in order (libbpf
// bpf_object__attach_skeleton). If one fails, those before it are detached. It is not an error if a
// section leaves the target open (XDP, TC, cgroups, a bare SEC("kprobe")); the logger and
// NotAttached report these.
//
// The links belong to the Object, which closes them when it is closed; the caller may close them
// earlier. Attach may be called again once all of them are closed.
func (o *Object) Attach() (Links, error) {
	if o.isNone() {
		return nil, missing("attach object", "object")
	}
	if err := o.beginAttach(); err != nil {
		return nil, newError("attach object", about{o.name, ""}, err)
	}
	links, left, err := o.attach()
	if err != nil {
		err = joinErrors(err, links.Close())
		links = nil
	}
	if !o.endAttach(links, left, err == nil) {
		closed := newError("attach object", about{o.name, ""}, ErrClosed)
		return nil, joinErrors(closed, links.Close())
	}
	return slices.Clone(links), err
}

func (o *Object) beginAttach() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return ErrClosed
	}
	if o.attaching || slices.ContainsFunc(o.links, func(l *Link) bool { return !l.isClosed() }) {
		return fmt.Errorf("already attached: %w", ErrExist)
	}
	o.attaching = true
	return nil
}

// endAttach gives the object the links of attach. It returns false if the object was closed
// meanwhile.
func (o *Object) endAttach(links Links, left []NotAttached, done bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.attaching = false
	if o.closed {
		return false
	}
	if done {
		o.links, o.notAttached = links, left
	}
	return true
}

// attach attaches every program and map that attaches by itself, and lists the others. It returns
// the links that it made also with an error. The object isn't locked: handlers of the application
// run.
func (o *Object) attach() (links Links, left []NotAttached, err error) {
	note := func(n NotAttached, kind, name string) {
		left = append(left, n)
		o.ev.Info("not attached", "object", o.name, kind, name, "reason", n.Reason)
	}
	for _, p := range o.programs {
		if !p.Loaded() {
			note(NotAttached{Program: p, Reason: "not loaded"}, "program", p.name)
			continue
		}
		if !p.autoattach {
			note(NotAttached{Program: p, Reason: "autoattach is off"}, "program", p.name)
			continue
		}
		link, reason, err := p.attach()
		if err != nil {
			return links, nil, err
		}
		if link == nil {
			note(NotAttached{Program: p, Reason: reason}, "program", p.name)
			continue
		}
		o.ev.Debug("attached", "object", o.name, "link", link.what)
		links = append(links, link)
	}
	for _, m := range o.maps {
		if m.kind != object.MapStructOps {
			continue
		}
		if !m.Created() || !m.autoattach {
			note(NotAttached{Map: m, Reason: "not created, or autoattach is off"}, "map",
				m.name)
			continue
		}
		link, err := m.AttachStructOps()
		if err != nil {
			return links, nil, err
		}
		links = append(links, link)
	}
	return links, left, nil
}

// NotAttached lists what the last Attach did not attach, and why.
func (o *Object) NotAttached() []NotAttached {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.notAttached
}
