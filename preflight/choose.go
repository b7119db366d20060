package preflight

import (
	"fmt"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/object"
)

// Alternatives
//
// Kernels differ in what they offer for one purpose: fentry or only kprobes, a ring buffer or only
// perf buffers. An object may hold programs or maps that are alternatives to each other. In C they
// are marked by their names, with CO-RE's flavours:
//
//	SEC("?fentry/do_unlinkat") int BPF_PROG(unlink___fentry, ...)      // preferred: it stands first
//	SEC("?kprobe/do_unlinkat") int BPF_KPROBE(unlink___kprobe, ...)
//
//	struct { __uint(type, BPF_MAP_TYPE_RINGBUF); ... } events___ring SEC(".maps");
//	struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); ... } events___perf SEC(".maps");
//	const volatile bool events___ring_chosen;  // optional: true if events___ring was chosen
//
// Programs are alternatives if their names are equal up to "___" and all their sections begin with
// "?", so that a loader without support for alternatives loads none of them. For maps the names are
// enough; such a loader creates them all. Code that uses a map that is not chosen must not be
// reachable. The _chosen variable is for that: the verifier drops branches on constants. In Go, a
// group may hold programs or maps of any name.

// Group is a set of alternatives, the preferred one first.
type Group struct {
	Name     string // the common part of the names: "unlink", "events"
	Programs []*object.Program
	Maps     []*object.Map
}

// Choice is the outcome for a group.
type Choice struct {
	Name     string
	Chosen   string // name of the program or map, "" if no alternative works on the kernel
	Rejected []Rejected
}

// Rejected is an alternative that was preferred but does not work, and why.
type Rejected struct {
	Name   string
	Reason string
}

// String returns the choice in one line.
func (c Choice) String() string {
	var b strings.Builder
	if c.Chosen == "" {
		fmt.Fprintf(&b, "%s: no alternative works on this kernel", c.Name)
	} else {
		fmt.Fprintf(&b, "%s: %s", c.Name, c.Chosen)
	}
	for _, r := range c.Rejected {
		fmt.Fprintf(&b, "; not %s: %s", r.Name, r.Reason)
	}
	return printable.Text(b.String())
}

// Groups returns the alternatives that an object declares by its names, in the object's order.
func Groups(o *object.Object) []Group {
	var groups []Group
	at := map[string]int{}
	group := func(kind, name string) *Group {
		i, ok := at[kind+name]
		if !ok {
			i = len(groups)
			at[kind+name] = i
			groups = append(groups, Group{Name: name})
		}
		return &groups[i]
	}
	for _, p := range o.Programs {
		if name := btf.EssentialName(p.Name); name != p.Name && strings.HasPrefix(p.Section, "?") {
			g := group("program ", name)
			g.Programs = append(g.Programs, p)
		}
	}
	for _, m := range o.Maps {
		if name := btf.EssentialName(m.Name); name != m.Name && m.Kind == object.MapDefined {
			g := group("map ", name)
			g.Maps = append(g.Maps, m)
		}
	}
	kept := groups[:0]
	for _, g := range groups {
		if len(g.Programs)+len(g.Maps) > 1 {
			kept = append(kept, g)
		}
	}
	return kept
}

// Choose decides for each group which alternative to use: the first that k can load and attach. It
// turns on the autoload of that program, or the autocreate of that map, and turns the others off; a
// bool variable named after the chosen one with the suffix _chosen becomes true. The choices say
// what was decided and why. If no alternative of a group works, its Chosen is empty and the caller
// decides what that means. The groups must be those of o; nil means Groups(o).
func Choose(o *object.Object, k facts.Kernel, groups []Group) ([]Choice, error) {
	if groups == nil {
		groups = Groups(o)
	}
	choices := make([]Choice, len(groups))
	for i, g := range groups {
		choices[i].Name = g.Name
		choices[i].choose(len(g.Maps), func(j int, try bool) (name, reason string) {
			m := g.Maps[j]
			m.Autocreate = false
			if try {
				reason = unmakeable(m, k)
				m.Autocreate = reason == ""
			}
			return m.Name, reason
		})
	}
	// Programs come after all maps: what programs need depends on which maps are created.
	for i, g := range groups {
		choices[i].choose(len(g.Programs), func(j int, try bool) (name, reason string) {
			p := g.Programs[j]
			p.Autoload = false
			if try {
				reason = unable(o, p, k)
				p.Autoload = reason == ""
			}
			return p.Name, reason
		})
	}
	for _, c := range choices {
		if v := o.Variable(c.Chosen + "_chosen"); v != nil {
			if err := v.Set(true); err != nil {
				return nil, err
			}
		}
	}
	return choices, nil
}

// choose tries n alternatives until one has no reason against it. The rest are only turned off.
func (c *Choice) choose(n int, alternative func(i int, try bool) (name, reason string)) {
	for i := range n {
		switch name, reason := alternative(i, c.Chosen == ""); {
		case c.Chosen != "":
		case reason == "":
			c.Chosen = name
		default:
			c.Rejected = append(c.Rejected, Rejected{name, reason})
		}
	}
}

// unmakeable returns why k cannot create m, "" if it can.
func unmakeable(m *object.Map, k facts.Kernel) string {
	a, reason := newTarget(k).mapType(m.Type)
	if a == facts.Yes {
		return ""
	}
	return fmt.Sprintf("maps of type %v: %v (%s)", m.Type, a, reason)
}

// unable returns why k cannot load and attach p, "" if nothing is known against it. It checks only
// what p itself needs.
func unable(o *object.Object, p *object.Program, k facts.Kernel) string {
	if prober, ok := k.(Prober); ok {
		if yes, err := prober.HasProgType(p.Type); err != nil {
			return err.Error()
		} else if !yes {
			return fmt.Sprintf("the kernel has no programs of type %v", p.Type)
		}
	}
	alone := o.Clone()
	for i, q := range alone.Programs {
		q.Autoload = o.Programs[i] == p
	}
	r := Check(alone, k, nil)
	if r.Error != "" {
		return r.Error
	}
	if r.Loads != facts.Yes || r.Attaches != facts.Yes {
		for i := range r.Needs {
			if n := &r.Needs[i]; n.blocks() && n.Answer != facts.Yes &&
				(n.Answer == facts.No || r.Loads == facts.No) {
				return fmt.Sprintf("%v %s: %s", n.Kind, n.Name, n.Reason)
			}
		}
		if r.Loads == facts.No || r.Attaches == facts.No {
			return strings.Join(r.Reasons, "; ")
		}
	}
	return ""
}
