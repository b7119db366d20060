package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/btf/value"
	"github.com/purebpf/bpf/internal/maprules"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
	"github.com/spf13/pflag"
)

// settings are the flags that change an object before it is loaded, as its own loader would.
type settings struct {
	vars []string // --set
	maps []string // --map
}

func (s *settings) flags(set *pflag.FlagSet) {
	set.StringArrayVar(&s.vars, "set", nil,
		"set a global variable before the load: VAR=VALUE, VAR[3]=VALUE, VAR.field=VALUE "+
			"(repeatable)")
	set.StringArrayVar(&s.maps, "map", nil,
		"set attributes of a map before it is created: NAME:max_entries=N[,value_size=N]... "+
			"(repeatable)")
}

// apply makes the settings. Maps come first: a data section may be resized.
func (s *settings) apply(o *object.Object) error {
	for _, text := range s.maps {
		if err := setMap(o, text); err != nil {
			return fmt.Errorf("--map %s: %w", text, err)
		}
	}
	for _, text := range s.vars {
		if err := setVariable(o, text); err != nil {
			return fmt.Errorf("--set %s: %w", text, err)
		}
	}
	return nil
}

// setVariable sets a global variable, or a part of it: VAR=VALUE, VAR.field[3]=VALUE.
func setVariable(o *object.Object, text string) error {
	path, set, ok := strings.Cut(text, "=")
	if !ok || path == "" {
		return errors.New("write VAR=VALUE, VAR[INDEX]=VALUE or VAR.FIELD=VALUE")
	}
	v, part, err := variableOf(o, path)
	if err != nil {
		return err
	}
	if o.BTF == nil || v.Type == 0 {
		return fmt.Errorf("%s has no BTF type: compile the object with -g", v.Name)
	}
	whole, err := value.Of(v.Name, o.BTF, v.Type, v.Bytes(), o.Order)
	if err != nil {
		return err
	}
	place, err := whole.Part(part)
	if err != nil {
		return err
	}
	return place.Set(set)
}

// variableOf finds the variable at the start of a path. Names of static variables of functions
// contain dots.
func variableOf(o *object.Object, path string) (v *object.Variable, part string, err error) {
	for end := len(path); end > 0; end = strings.LastIndexAny(path[:end], ".[") {
		if v := o.Variable(path[:end]); v != nil && v.Map.Kind != object.MapKconfig {
			return v, path[end:], nil
		}
	}
	name := path
	if end := strings.IndexAny(path, ".["); end > 0 {
		name = path[:end]
	}
	if x := o.Extern(name); x != nil && x.Kind == object.ExternKconfig {
		return nil, "", fmt.Errorf("%s is part of the kernel's configuration: set it with --kconfig",
			name)
	}
	if _, err = o.FindVariable(name); err == nil { // of .kconfig
		err = fmt.Errorf("%s can't be set", name)
	}
	if names := variables(o); len(names) == 0 {
		err = fmt.Errorf("%w; it has no global variables", err)
	} else if !strings.Contains(err.Error(), "near: ") {
		err = fmt.Errorf("%w; it has %s", err, listed(names))
	}
	return nil, "", err
}

// variables returns the names of the variables that can be set.
func variables(o *object.Object) (names []string) {
	for _, m := range o.Maps {
		if m.Kind == object.MapKconfig || !m.Internal() && m != o.Arena {
			continue
		}
		for _, v := range m.Vars {
			names = append(names, v.Name)
		}
	}
	return names
}

// mapAttribute is an attribute of a map that --map sets.
type mapAttribute struct {
	name string
	bits int
	set  func(m *object.Map, n uint64) error
}

var mapAttributes = []mapAttribute{
	{"max_entries", 32, func(m *object.Map, n uint64) error {
		if m.Internal() {
			return errors.New("the map of a data section has one entry")
		}
		m.MaxEntries = uint32(n)
		return nil
	}},
	{"value_size", 32, func(m *object.Map, n uint64) error { return m.SetValueSize(uint32(n)) }},
	{"key_size", 32, func(m *object.Map, n uint64) error { m.KeySize = uint32(n); return nil }},
	{"map_flags", 32, func(m *object.Map, n uint64) error {
		m.Flags = uapi.MapFlags(n)
		return nil
	}},
	{"map_extra", 64, func(m *object.Map, n uint64) error { m.Extra = n; return nil }},
}

// mostSection is the largest data section that --map makes: it is kept in memory.
const mostSection = 1 << 30

// setMap sets attributes of a map: NAME:ATTRIBUTE=N,ATTRIBUTE=N.
func setMap(o *object.Object, text string) error {
	name, list, ok := strings.Cut(text, ":")
	if !ok || name == "" || list == "" {
		return errors.New("write NAME:max_entries=N")
	}
	m, err := o.FindMap(name)
	if err != nil {
		if !strings.Contains(err.Error(), "near: ") {
			var names []string
			for _, m := range o.Maps {
				names = append(names, m.Name)
			}
			err = fmt.Errorf("%w; it has %s", err, listed(names))
		}
		return err
	}
	for _, one := range strings.Split(list, ",") {
		attribute, value, ok := strings.Cut(one, "=")
		var names []string
		for _, a := range mapAttributes {
			names = append(names, a.name)
		}
		i := slices.Index(names, attribute)
		if i < 0 {
			err := fmt.Errorf("there is no attribute %q", attribute)
			if near := withNear(err, attribute, names...); near != err {
				return near
			}
			return fmt.Errorf("%w, but %s", err, strings.Join(names, ", "))
		}
		n, err := strconv.ParseUint(value, 0, mapAttributes[i].bits)
		if !ok || err != nil {
			return fmt.Errorf("%s=%s: write a number from 0 to %d", attribute, value,
				uint64(1)<<mapAttributes[i].bits-1)
		}
		if attribute == "value_size" && m.Internal() && n > mostSection {
			return fmt.Errorf("%s=%s: a data section has at most %d bytes",
				attribute, value, mostSection)
		}
		if err := mapAttributes[i].set(m, n); err != nil {
			return err
		}
	}
	for _, b := range breaches(m) {
		if b.Unset == "" && b.Flags == 0 && b.Lasting && !b.Unsure {
			return errors.New(b.Text)
		}
	}
	return nil
}

// breaches returns the rules of the running kernel that a map breaks by its numbers alone.
func breaches(m *object.Map) []maprules.Breach {
	k := kernel.Running()
	shape := maprules.Map{
		Type: m.Type, KeySize: m.KeySize, ValueSize: m.ValueSize, MaxEntries: m.MaxEntries,
		Flags: m.Flags, Extra: m.Extra, NumaNode: m.NumaNode, Inner: m.Inner != nil,
		Typed: true, IntKey: true, Kernel: m.StructOps != nil,
	}
	switch m.Type {
	case uapi.MapRingBuf, uapi.MapUserRingBuf:
		shape.MaxEntries = plan.RingSize(m.MaxEntries, k.PageSize())
	case uapi.MapPerfEventArray:
		shape.MaxEntries = max(shape.MaxEntries, 1) // one for each CPU
	}
	broken, _ := maprules.Check(&shape,
		&maprules.Kernel{Version: k.Version(), PageSize: k.PageSize()})
	return broken
}

// usual are values for attributes that an object leaves to its loader.
func usual(m *object.Map, attribute string) string {
	switch {
	case attribute == "max_entries" && (m.Type == uapi.MapRingBuf || m.Type == uapi.MapUserRingBuf):
		return "262144" // bytes
	case attribute == "max_entries":
		return "10240"
	case attribute == "value_size" && m.Type == uapi.MapStackTrace:
		return "1016" // 127 addresses, the kernel's usual limit
	}
	return "N"
}

// missingSettings returns an error that names the attributes which the object's maps need and which
// its own loader would set, and the flags that set them; nil if it needs none.
func missingSettings(o *object.Object) error {
	var needs, flags []string
	for _, m := range o.Maps {
		if !m.Autocreate || m.Kind != object.MapDefined || m.PinByName || m.PinPath != "" {
			continue
		}
		var unset, values []string
		for _, b := range breaches(m) {
			if slices.ContainsFunc(mapAttributes,
				func(a mapAttribute) bool { return a.name == b.Unset }) {
				unset = append(unset, b.Unset)
				values = append(values, b.Unset+"="+usual(m, b.Unset))
			}
		}
		if len(unset) > 0 {
			needs = append(needs, "map "+m.Name+" needs "+strings.Join(unset, " and "))
			flags = append(flags, "--map "+m.Name+":"+strings.Join(values, ","))
		}
	}
	if len(needs) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s: %s", o.Name, strings.Join(needs, ", "), strings.Join(flags, " "))
}
