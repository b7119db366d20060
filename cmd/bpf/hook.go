package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/object"
)

// hook is a place to attach to, as the command line names it: KIND[:TARGET][,OPTION=VALUE]...
type hook struct {
	text   string // as written
	kind   *hookKind
	target string
	hookOptions
	opened []*bpf.Program // opened by prepare for the load

	doubtful string // the end of the target, which may be a mistyped option
}

// hookKind is one way to attach a program by hand. A kind attaches by a link, without one, or
// either way.
type hookKind struct {
	name string
	// the text after the colon, for the help text; "" if there is none, in brackets if it is
	// optional
	target  string
	options []string // names of hookOptionTable that it takes

	// load changes how the program is loaded, for hooks that depend on it. nil: nothing is changed.
	load func(p *object.Program, h *hook) error
	// attach attaches by links. nil: this kind has none.
	attach func(s subject, h *hook) (hooked, error)
	// set attaches without a link, for kinds that have none and for link=no. nil: this kind has
	// only links.
	set func(s subject, h *hook) (hooked, error)
	// there lists the attachments, with and without links, for bpf detach. nil: the kernel has no
	// query, or all attachments have links.
	there func(h *hook) ([]attachment, error)
	// unset detaches a program where there can't list the programs.
	unset func(p *bpf.Program, h *hook) error
}

// subject is the program or struct_ops map to attach.
type subject struct {
	*bpf.Program
	ops *bpf.Map    // nil if it is a program
	obj *bpf.Object // the object it belongs to; nil if it was opened by its pin or id
}

// subjectOf returns the program of that name, or else the struct_ops map.
func subjectOf(obj *bpf.Object, name string) subject {
	if p := obj.Program(name); p.Err() == nil {
		return subject{Program: p, obj: obj}
	}
	return subject{ops: obj.Map(name), obj: obj}
}

func (s subject) name() string {
	if s.ops != nil {
		return s.ops.Name()
	}
	return s.Program.Name()
}

func findHook(name string) *hookKind {
	kinds := hookKinds()
	if i := slices.IndexFunc(kinds, func(k hookKind) bool { return k.name == name }); i >= 0 {
		return &kinds[i]
	}
	return nil
}

func hookNames() (names []string) {
	for _, k := range hookKinds() {
		names = append(names, k.name)
	}
	return names
}

// parseHook parses a hook of the command line.
func parseHook(text string) (*hook, error) {
	end := strings.IndexAny(text, ":,")
	if end < 0 {
		end = len(text)
	}
	h := &hook{text: text, hookOptions: hookOptions{link: true}}
	h.kind, h.target = findHook(text[:end]), text[end:]
	if h.kind == nil {
		err := fmt.Errorf("there is no hook %q", text[:end])
		if near := withNear(err, text[:end], hookNames()...); near != err {
			return nil, near
		}
		return nil, fmt.Errorf("%w; bpf attach --help lists them", err)
	}
	for {
		comma := strings.LastIndexByte(h.target, ',')
		if comma < 0 {
			break
		}
		name, value, ok := strings.Cut(h.target[comma+1:], "=")
		option := findOption(name)
		if !ok || option == nil {
			if ok { // a comma of the target, or a mistyped option
				if err := h.mistyped(name); err != nil {
					return nil, err
				}
			}
			break
		}
		if !slices.Contains(h.kind.options, name) {
			return nil, fmt.Errorf("hook %q: %s takes no %s; write %s",
				text, h.kind.name, name, h.kind.usage())
		}
		if err := option.set(&h.hookOptions, value); err != nil {
			return nil, fmt.Errorf("hook %q: %s=%s: %w", text, name, option.value, err)
		}
		h.target = h.target[:comma]
	}
	target, colon := strings.CutPrefix(h.target, ":")
	if !colon && h.target != "" || target == "" && (colon || h.kind.needsTarget()) ||
		target != "" && h.kind.target == "" {
		return nil, fmt.Errorf("hook %q: write %s", text, h.kind.usage())
	}
	h.target = target
	return h, nil
}

// mistyped handles NAME=VALUE at the end of the target, which may be a mistyped option: an error if
// the target can't have that text. Where it can, the error of attaching will name the option.
func (h *hook) mistyped(name string) error {
	near := nearest.Among(name, h.kind.options...)
	var literal bool // what the target names exists
	target := strings.TrimPrefix(h.target, ":")
	switch end := h.kind.target[strings.LastIndexAny(h.kind.target, ":,")+1:]; {
	case h.kind.name == "perf": // the description of an event has commas
		literal = true
	case end == "DIR" || end == "FILE" || end == "MAP":
		_, err := os.Stat(target)
		literal = err == nil
	case end == "IFACE":
		_, err := rtnl.Interface(target)
		literal = err == nil
	}
	text := fmt.Sprintf("there is no option %q", name)
	if near != "" {
		text += "; " + near
	}
	if literal {
		if near != "" {
			h.doubtful = text
		}
		return nil
	}
	return fmt.Errorf("hook %q: %s; write %s", h.text, text, h.kind.usage())
}

// needsTarget reports whether the target must be given: it isn't in brackets altogether.
func (k *hookKind) needsTarget() bool {
	return k.target != "" && !(strings.HasPrefix(k.target, "[") && strings.HasSuffix(k.target, "]"))
}

// short returns the syntax of the kind without options.
func (k *hookKind) short() string {
	switch {
	case k.target == "":
		return k.name
	case k.needsTarget():
		return k.name + ":" + k.target
	}
	return k.name + "[:" + strings.TrimPrefix(k.target, "[")
}

// usage returns the syntax of the kind with all its options.
func (k *hookKind) usage() string {
	text := k.short()
	for _, name := range k.options {
		text += fmt.Sprintf("[,%s=%s]", name, findOption(name).value)
	}
	return text
}

// hookUsage lists the hooks for the help text.
func hookUsage() string {
	var b strings.Builder
	for _, k := range hookKinds() {
		line := fmt.Sprintf("\n  %-32s %s", k.short(), strings.Join(k.options, " "))
		b.WriteString(strings.TrimRight(line, " "))
	}
	return b.String()
}

// prepare changes how a program is loaded so that it can be attached to the hook.
func (h *hook) prepare(p *object.Program) error {
	if h.kind.load == nil {
		return nil
	}
	if err := h.kind.load(p, h); err != nil {
		return fmt.Errorf("hook %q: %w", h.text, err)
	}
	return nil
}

// Close closes the programs that prepare opened.
func (h *hook) Close() error {
	var err error
	for _, p := range h.opened {
		err = errors.Join(err, p.Close())
	}
	h.opened = nil
	return err
}

// attach attaches to the hook. The caller closes the result.
func (h *hook) attach(s subject) (hooked, error) {
	attach := h.kind.attach
	if attach == nil || !h.link {
		attach = h.kind.set
	}
	switch {
	case s.ops != nil && h.kind.name != hookStructOps && h.kind.name != "auto":
		return hooked{}, fmt.Errorf("hook %q: %s is a struct_ops map, whose hook is %s",
			h.text, s.name(), hookStructOps)
	case s.ops == nil && h.kind.name == hookStructOps:
		return hooked{}, fmt.Errorf(
			"hook %q: %s is a program; what is attached there is a struct_ops map",
			h.text, s.name())
	}
	at, err := attach(s, h)
	at.subject, at.hook = s, h
	if err != nil && h.doubtful != "" {
		err = fmt.Errorf("%w (%s)", err, h.doubtful)
	}
	if err != nil {
		err = h.taken(err)
	}
	return at, err
}
