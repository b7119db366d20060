package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/glob"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/preflight"
	"github.com/purebpf/bpf/uapi"
)

// ordered is a program or struct_ops map and the hook that --attach names for it.
type ordered struct {
	name string
	hook *hook
}

// prepare parses --attach, chooses among alternatives, and prepares the named programs for their
// hooks. The caller closes the hooks.
func (r *runner) prepare(o *object.Object) (list []ordered, err error) {
	for _, text := range r.attach {
		name, at, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return list, fmt.Errorf("--attach %s: write PROGRAM=HOOK", text)
		}
		names := []string{name}
		if glob.HasWildcard(name) {
			match, err := matching(o, "--attach", names)
			if err != nil {
				return list, err
			}
			names = nil
			for i, p := range o.Programs {
				if match[i] {
					names = append(names, p.Name)
				}
			}
		}
		for _, name := range names {
			h, err := parseHook(at)
			if err != nil {
				return list, fmt.Errorf("--attach: %w", err)
			}
			list = append(list, ordered{name, h})
		}
	}
	named := func(p *object.Program) bool {
		return slices.ContainsFunc(list, func(x ordered) bool { return x.name == p.Name })
	}
	off, err := r.choice.apply(o, named)
	if err != nil {
		return list, err
	}
	r.decided = append(r.decided, off...)
	for _, p := range o.Programs {
		text := r.choice.complete(p)
		if text == "" || named(p) || !p.Autoload {
			continue
		}
		h, err := parseHook(text)
		if err != nil {
			return list, fmt.Errorf("program %s (SEC %s): %w", p.Name, p.Sec, err)
		}
		list = append(list, ordered{p.Name, h})
	}
	if err := r.choice.addPID(o, list); err != nil {
		return list, err
	}
	if err := r.fillPlaceholders(o, named); err != nil {
		return list, err
	}
	// A named alternative is the choice.
	groups := slices.DeleteFunc(preflight.Groups(o), func(g preflight.Group) bool {
		return slices.ContainsFunc(g.Programs, named)
	})
	chosen, err := choose(o, &r.options, groups, r.say)
	if err != nil {
		return list, err
	}
	for _, g := range groups {
		for _, p := range g.Programs {
			r.decided = append(r.decided, p.Name)
		}
	}
	for _, p := range o.Programs {
		p.Autoattach = p.Autoattach && !walksMap(p.Sec)
	}
	for i := range list {
		x := &list[i]
		if one, ok := chosen[x.name]; ok {
			if one == "" {
				return list, fmt.Errorf("--attach %s: no alternative works on this kernel", x.name)
			}
			x.name = one
		}
		if p := o.Program(x.name); p != nil {
			p.Autoload, p.Autoattach = true, false
			if err := x.hook.prepare(p); err != nil {
				return list, err
			}
			continue
		}
		m := structOpsMap(o, x.name)
		if m == nil {
			return list, fmt.Errorf("--attach %s: %w", x.name, noSuch(o, x.name))
		}
		m.Autocreate, m.Autoattach = true, false
	}
	return list, nil
}

// attachAll attaches the programs that attach by their SEC(), those of --attach, and programs for
// an interface or a cgroup. The caller closes the result, also with an error.
func (r *runner) attachAll(list []ordered) (all []hooked, err error) {
	auto, err := r.obj.Attach()
	if err != nil {
		return nil, err
	}
	for _, l := range auto {
		all = append(all, hooked{subject: subjectOf(r.obj, l.Name()), links: bpf.Links{l}})
	}
	attach := func(h *hook, s subject) error {
		s.obj = r.obj
		at, err := h.attach(s)
		if err == nil {
			all = append(all, at)
		}
		return err
	}
	for _, x := range list {
		if err := attach(x.hook, subjectOf(r.obj, x.name)); err != nil {
			return all, err
		}
	}
	var left []bpf.NotAttached
	for _, n := range r.obj.NotAttached() {
		if slices.ContainsFunc(all, func(at hooked) bool {
			return at.Program == n.Program && at.ops == n.Map
		}) {
			continue
		}
		h, err := r.usualHook(n.Program)
		if err != nil {
			return all, err
		}
		if h == nil {
			if !r.toldOtherwise(n.Program) {
				left = append(left, n)
			}
			continue
		}
		if err := attach(h, subject{Program: n.Program}); err != nil {
			return all, err
		}
	}
	for _, at := range all {
		for _, line := range at.text() {
			r.say("attached %s", line)
		}
	}
	var bySection []*bpf.Program
	for _, at := range all {
		if at.hook == nil && at.Program != nil {
			bySection = append(bySection, at.Program)
		}
	}
	r.tellTwins(bySection)
	for _, n := range left {
		r.say("not attached: %s", r.leftover(n))
	}
	if len(all) == 0 {
		return all, errNothing
	}
	return all, nil
}

// toldOtherwise reports whether a program needs no note: an alternative that was not chosen, or a
// program of a struct_ops map.
func (r *runner) toldOtherwise(p *bpf.Program) bool {
	return p != nil && (p.Type() == uapi.ProgStructOps && p.Loaded() ||
		slices.Contains(r.decided, p.Name()))
}

// usualHook returns the hook of a program whose section names everything but the interface or the
// cgroup, if the user gave that; nil for others.
func (r *runner) usualHook(p *bpf.Program) (*hook, error) {
	if p == nil || !p.Loaded() {
		return nil, nil
	}
	def := object.MatchSec(p.Section())
	if def == nil || def.Type != p.Type() {
		return nil, nil
	}
	hook, _ := byHand(def)
	kind, _, _ := strings.Cut(hook, ":")
	switch kind {
	case "xdp", "netkit-primary", "netkit-peer", "tcx-ingress", "tcx-egress":
		if r.iface != "" {
			return parseHook(kind + ":" + r.iface)
		}
	case "tc-ingress", "tc-egress": // instead of tcx
		if r.iface != "" && strings.Contains(def.Pattern, "/") {
			return parseHook(kind + ":" + r.iface)
		}
	case "cgroup":
		if r.cgroup != "" && def.Pattern != "cgroup/skb" { // ingress or egress?
			return parseHook(kind + ":" + r.cgroup)
		}
	}
	return nil, nil
}

// pin pins all links, and reports what stays attached only as long as the command runs.
func (r *runner) pin(attached []hooked) error {
	var links bpf.Links
	for _, at := range attached {
		for _, l := range at.links {
			if l.FD() < 0 {
				r.say("not pinned: %s, which has no link of the kernel", l)
				continue
			}
			links = append(links, l)
		}
		if at.what != "" {
			r.say("not pinned: %s, which has no link", at.what)
		}
	}
	return pinLinks(r.errOut, links, r.pinDir)
}

// printIterators reads every iterator once. only means that nothing else is attached.
func (r *runner) printIterators(ctx context.Context, attached []hooked) (only bool, err error) {
	only = true
	for _, at := range attached {
		l := at.iterator()
		if l == nil {
			only = false
			continue
		}
		if ctx.Err() != nil {
			return false, nil
		}
		if err := r.printIterator(ctx, l); err != nil {
			return false, err
		}
	}
	return only, nil
}

func (r *runner) printIterator(ctx context.Context, l *bpf.Link) error {
	var text bytes.Buffer
	more, err := showIterator(ctx, &text, l, r.asJSON)
	if err != nil {
		return err
	}
	if more {
		r.say("iterator %s: only the first %d MiB are shown", l.Name(), maxIterated>>20)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err = text.WriteTo(r.out)
	return err
}
