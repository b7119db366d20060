package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/preflight"
	"github.com/purebpf/bpf/uapi"
)

// choose chooses among alternatives and reports the choice. It returns the chosen program of each
// group, by the group's name, "" if the kernel supports none of them.
func choose(o *object.Object, options *objectOptions, groups []preflight.Group,
	say func(string, ...any)) (programs map[string]string, err error) {
	if len(groups) == 0 {
		return nil, nil
	}
	k, token, err := options.kernel()
	if err != nil {
		return nil, err
	}
	defer token.Close()
	for _, g := range groups {
		if token != nil {
			break // it replaces capabilities
		}
		if err := require("choosing among alternatives of "+o.Name, g.Programs); err != nil {
			return nil, err
		}
	}
	choices, err := preflight.Choose(o, k, groups)
	if err != nil {
		return nil, err
	}
	programs = map[string]string{}
	for i, c := range choices {
		say("chosen %v", c)
		if len(groups[i].Programs) > 0 {
			programs[c.Name] = c.Chosen
		}
	}
	return programs, nil
}

// structOpsMap returns the struct_ops map of that name, nil if there is none.
func structOpsMap(o *object.Object, name string) *object.Map {
	if m := o.Map(name); m != nil && m.Kind == object.MapStructOps {
		return m
	}
	return nil
}

// noSuch returns an error that lists the programs and struct_ops maps of the object.
func noSuch(o *object.Object, name string) error {
	var names []string
	for _, p := range o.Programs {
		if p.Type != uapi.ProgStructOps {
			names = append(names, p.Name)
		}
	}
	for _, m := range o.Maps {
		if m.Kind == object.MapStructOps {
			names = append(names, m.Name)
		}
	}
	if len(names) == 0 {
		if why := o.WhyNoPrograms(); why != "" {
			return fmt.Errorf("%s has no program or struct_ops map %q: it has no programs: %s",
				o.Name, name, why)
		}
	}
	err := fmt.Errorf("%s has no program or struct_ops map %q", o.Name, name)
	if near := withNear(err, name, names...); near != err {
		return near
	}
	return fmt.Errorf("%w; it has %s", err, listed(names))
}

// withNear adds similar names to an error about a name that doesn't exist.
func withNear(err error, name string, names ...string) error {
	near := nearest.To(name)
	for _, n := range names {
		near.Offer([]byte(n))
	}
	return near.AddTo(err)
}

// listed returns names as a list for an error, cut if it is long.
func listed(names []string) string {
	const most = 20
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// hasStructOps reports whether the object has a struct_ops map to attach.
func hasStructOps(o *object.Object) bool {
	return slices.ContainsFunc(o.Maps, func(m *object.Map) bool {
		return m.Kind == object.MapStructOps
	})
}
