package load

import (
	"fmt"
	"io/fs"
	"syscall"

	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Given is a map of the caller.
type Given struct {
	Err error // why there is none
	FD  *sys.FD
	// Gone returns why FD is nil or closed.
	Gone func() error

	Type                           uapi.MapType
	KeySize, ValueSize, MaxEntries uint32
	Flags                          uapi.MapFlags
	Extra                          uint64
}

// takeGiven finds the plan's maps for the caller's, and refuses names that the object doesn't have,
// or maps that it doesn't create.
func (x *execution) takeGiven() error {
	x.given = make(map[*plan.Map]*Given, len(x.opts.Maps))
	for name, m := range x.opts.Maps {
		pm, err := x.mapToGive("reuse map", name, m)
		if err != nil {
			return err
		}
		if x.given[pm] != nil {
			return x.fail("reuse map", name,
				fmt.Errorf("two maps are given for %s: %w", pm.Spec.Name, syscall.EINVAL))
		}
		x.given[pm] = m
	}
	x.inner = make(map[*plan.Map]*Given, len(x.opts.InnerMaps))
	for name, m := range x.opts.InnerMaps {
		pm, err := x.mapToGive("set inner map of", name, m)
		switch {
		case err != nil:
			return err
		case pm.Type != uapi.MapArrayOfMaps && pm.Type != uapi.MapHashOfMaps:
			return x.fail("set inner map of", name,
				fmt.Errorf("it is of type %v, no map of maps: %w", pm.Type, syscall.EINVAL))
		case x.given[pm] != nil:
			return x.fail("set inner map of", name,
				fmt.Errorf("the outer map is given too: %w", syscall.EINVAL))
		}
		x.inner[pm] = m
	}
	return nil
}

// mapToGive returns the plan's map for a name, which may be that of a section.
func (x *execution) mapToGive(op, name string, given *Given) (*plan.Map, error) {
	var found *plan.Map
	for _, pm := range x.Plan.Maps {
		if pm.Spec != nil && pm.Spec.Name == name {
			found = pm
			break
		}
		if found == nil && pm.Spec != nil && pm.Spec.Section == name && InSection(pm.Spec.Kind) {
			found = pm
		}
	}
	switch {
	case found == nil:
		near := nearest.To(name)
		for _, pm := range x.Plan.Maps {
			if pm.Spec != nil {
				near.Offer([]byte(pm.Spec.Name))
			}
		}
		return nil, x.fail(op, name,
			near.AddTo(fmt.Errorf("no such map in the object: %w", fs.ErrNotExist)))
	case found.Skip:
		return nil, x.fail(op, name,
			fmt.Errorf("autocreate is off, so the programs were resolved without it: %w",
				syscall.EINVAL))
	case given == nil:
		return nil, x.fail(op, name, fmt.Errorf("the map given is nil: %w", syscall.EINVAL))
	case given.Err != nil:
		return nil, x.fail(op, name, given.Err)
	}
	return found, nil
}

// InSection reports whether a map of that kind is the whole of its section.
func InSection(k object.MapKind) bool { return k != object.MapDefined && k != object.MapStructOps }

// reuseMap uses a map of the caller, with its contents (libbpf bpf_map__reuse_fd).
func (x *execution) reuseMap(m *Map, given *Given) error {
	pm := m.Plan
	if given.Type != pm.Type || given.KeySize != pm.KeySize || given.ValueSize != pm.ValueSize {
		return x.fail("reuse map", m.Name, fmt.Errorf("it is %s, the object needs %s: %w",
			Shape(given.Type, given.KeySize, given.ValueSize),
			Shape(pm.Type, pm.KeySize, pm.ValueSize), syscall.EINVAL))
	}
	fd, err := given.FD.Dup()
	if err != nil {
		if given.FD.Closed() {
			err = given.Gone()
		}
		return x.fail("reuse map", m.Name, err)
	}
	m.FD, m.Reused = fd, true
	m.MaxEntries, m.Flags, m.Extra = given.MaxEntries, given.Flags, given.Extra
	if err := m.countCPUs(x.running); err != nil {
		return x.fail("reuse map", m.Name, err)
	}
	x.mapReused(m)
	return nil
}

// mapReused maps the memory of a reused map, if possible: libbpf never does, so nothing depends on
// it.
func (x *execution) mapReused(m *Map) {
	if !m.Plan.Mmap && m.Type != uapi.MapArena {
		return
	}
	if err := x.mapMemory(m); err != nil {
		x.log.Info("the memory of a reused map is not mapped", "object", x.name, "map", m.Name,
			"err", err)
	}
}
