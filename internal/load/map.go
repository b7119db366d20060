package load

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Map is a map of the kernel, and what this process has of it.
type Map struct {
	Plan *plan.Map // nil for a map that was opened or created alone
	Name string
	FD   *sys.FD // nil if the map isn't to be created

	Type       uapi.MapType
	KeySize    uint32
	ValueSize  uint32
	MaxEntries uint32
	Flags      uapi.MapFlags
	Extra      uint64
	CPUs       int // possible CPUs if values are per CPU, else 0

	Memory     []byte // the mapped value, or the whole arena
	ArenaStart uint64 // offset of the object's variables in an arena
	Writable   bool   // Memory
	Frozen     bool

	Image []byte // value of a struct_ops map in the kernel's layout
	Slots []Slot // of Image

	PinPath string
	Pinned  bool
	Reused  bool // it existed before
}

// Slot is a place for a program in the value of a struct_ops map.
type Slot struct {
	Offset  uint32
	Program *sys.FD
}

// Opened describes the map behind fd, and takes ownership of fd.
func Opened(fd *sys.FD) (*Map, error) {
	info, err := kernel.MapInfo(fd)
	if err != nil {
		fd.Close()
		return nil, err
	}
	m := &Map{
		Name: info.Name.String(), FD: fd, Type: info.Type, KeySize: info.KeySize,
		ValueSize: info.ValueSize, MaxEntries: info.MaxEntries, Flags: info.Flags,
		Extra: info.MapExtra,
	}
	if err := m.countCPUs(kernel.Running()); err != nil {
		fd.Close()
		return nil, err
	}
	return m, nil
}

// countCPUs completes a map whose descriptor is known.
func (m *Map) countCPUs(k *kernel.Facts) (err error) {
	switch m.Type {
	case uapi.MapPerCPUArray, uapi.MapPerCPUHash, uapi.MapLRUPerCPUHash,
		uapi.MapPerCPUCgroupStorage:
		m.CPUs, err = k.PossibleCPUs()
	}
	return err
}

// close closes the map, and forgets it.
func (m *Map) close() error {
	err := errors.Join(m.FD.Close(), sys.Munmap(m.Memory))
	m.FD, m.Memory = nil, nil
	return err
}

// makeMaps makes all maps in the order of the plan, except that a map which another one contains
// initially comes before it.
func (x *execution) makeMaps() error {
	x.Maps = make([]Map, 0, len(x.Plan.Maps))
	x.index = make(map[*plan.Map]*Map, len(x.Plan.Maps))
	for _, pm := range x.Plan.Maps {
		m, err := x.newMap(pm)
		if err != nil {
			return err
		}
		x.Maps = append(x.Maps, m)
		x.index[pm] = &x.Maps[len(x.Maps)-1]
	}
	for _, pm := range x.Plan.Maps {
		if err := x.ensureMap(pm, 0); err != nil {
			return err
		}
	}
	return nil
}

// newMap describes the map that pm declares; it has no descriptor yet. Values that depend on the
// machine are those of the running kernel: the plan may be for another.
func (x *execution) newMap(pm *plan.Map) (Map, error) {
	m := Map{
		Plan: pm, Name: ".jumptables", Type: pm.Type, KeySize: pm.KeySize, ValueSize: pm.ValueSize,
		MaxEntries: pm.MaxEntries, Flags: pm.Flags, Extra: pm.Extra,
	}
	if pm.Spec != nil {
		m.Name = pm.Spec.Name
	}
	if !x.opts.SkipPins {
		m.PinPath = pm.PinPath
	}
	switch {
	case pm.PerCPU:
		n, err := x.running.PossibleCPUs()
		if err != nil {
			return m, x.fail("create map", m.Name, err)
		}
		m.MaxEntries = uint32(n)
	case pm.Type == uapi.MapRingBuf || pm.Type == uapi.MapUserRingBuf:
		m.MaxEntries = plan.RingSize(pm.MaxEntries, x.running.PageSize())
	}
	return m, nil
}

// ensureMap makes pm if it doesn't exist yet. Maps nest one level deep; depth stops a plan with
// more levels.
func (x *execution) ensureMap(pm *plan.Map, depth int) error {
	m := x.index[pm]
	if m == nil {
		return x.fail("create map", pm.Name,
			fmt.Errorf("a slot refers to a map that is not in the plan: %w", syscall.EINVAL))
	}
	if pm.Skip || m.FD != nil {
		return nil
	}
	if depth > 1 {
		return x.fail("create map", m.Name,
			fmt.Errorf("maps of maps hold each other: %w", syscall.ELOOP))
	}
	for _, s := range pm.Slots {
		if s.Map != nil {
			if err := x.ensureMap(s.Map, depth+1); err != nil {
				return err
			}
		}
	}
	if m.PinPath == "" {
		return x.takeOrCreate(m)
	}
	place, err := bpffs.At(m.PinPath)
	if err != nil {
		return x.fail("open pinned map", m.Name+" at "+m.PinPath, err)
	}
	made, err := x.findOrPin(m, place)
	if made {
		x.pinned = append(x.pinned, pinnedMap{m, place})
		return nil
	}
	place.Close()
	return err
}

// maxPinRaces limits how often another process may pin a map between the look for one and the
// attempt to pin ours, and remove it before it can be opened.
const maxPinRaces = 16

// findOrPin uses the map that is pinned at place, or reuses or creates one and pins it there.
func (x *execution) findOrPin(m *Map, place *bpffs.Place) (made bool, err error) {
	for race := 0; ; race++ {
		if err := x.openPinned(m, place); err != nil || m.FD != nil {
			return false, err
		}
		if err := x.takeOrCreate(m); err != nil {
			return false, err
		}
		err := place.Pin(m.FD.Int())
		if err == nil {
			m.Pinned = true
			x.log.Debug("pinned map", "object", x.name, "map", m.Name, "path", m.PinPath)
			return true, nil
		}
		if race == maxPinRaces || !errors.Is(err, syscall.EEXIST) {
			return false, x.fail("pin map", m.Name+" at "+m.PinPath, err)
		}
		// Another process has pinned a map there since we looked: use that.
		x.log.Info("another map was pinned meanwhile, using that",
			"object", x.name, "map", m.Name, "path", m.PinPath)
		m.close()
		if *m, err = x.newMap(m.Plan); err != nil {
			return false, err
		}
	}
}

// takeOrCreate uses the caller's map, or creates one.
func (x *execution) takeOrCreate(m *Map) error {
	if given := x.given[m.Plan]; given != nil {
		return x.reuseMap(m, given)
	}
	return x.createMap(m)
}

// openPinned opens the map that is pinned at place. m.FD stays nil if there is none.
func (x *execution) openPinned(m *Map, place *bpffs.Place) error {
	fd, err := place.Get()
	if err == syscall.ENOENT {
		return nil
	}
	if err == nil {
		err = bpffs.OfKind(fd, bpffs.MapKind)
	}
	where := m.Name + " at " + m.PinPath
	if err != nil {
		return x.fail("open pinned map", where, err)
	}
	found, err := kernel.MapInfo(fd)
	if err == nil {
		err = compatible(m.Plan, m.MaxEntries, found)
	}
	if err != nil {
		fd.Close()
		return x.fail("reuse pinned map", where, err)
	}
	m.FD, m.Reused, m.Pinned = fd, true, true
	m.Flags, m.Extra = m.Plan.Flags, m.Plan.Extra
	if err := m.countCPUs(x.running); err != nil {
		return x.fail("reuse pinned map", where, err)
	}
	x.log.Info("using pinned map", "object", x.name, "map", m.Name, "path", m.PinPath)
	if given := x.given[m.Plan]; given != nil {
		x.notGiven(m, given, found.ID)
	}
	x.mapReused(m)
	return nil
}

// notGiven warns if the pinned map with that id is another than the given one.
func (x *execution) notGiven(m *Map, given *Given, id uint32) {
	if _, ok := given.FD.Hold(); ok {
		defer given.FD.Release()
	}
	if info, err := kernel.MapInfo(given.FD); err != nil || info.ID != id {
		x.log.Warn("the pinned map is used, not the one given",
			"object", x.name, "map", m.Name, "path", m.PinPath)
	}
}

// compatible compares a pinned map with the object's declaration, as libbpf bpf_object__reuse_map
// does: everything that the kernel reports must be equal. Maps of network devices report one more
// flag than they were created with.
func compatible(pm *plan.Map, entries uint32, have *sys.MapInfo) error {
	flags := have.Flags
	if pm.Type == uapi.MapDevMap || pm.Type == uapi.MapDevMapHash {
		flags &^= uapi.FRdonlyProg
	}
	differs := func(what string, got, want uint64) error {
		return fmt.Errorf("the pinned map has %s %d, the object %d; remove the pin or change the "+
			"object: %w", what, got, want, syscall.EINVAL)
	}
	switch {
	case have.Type != pm.Type:
		return fmt.Errorf("the pinned map is of type %v, the object's %v; remove the pin or "+
			"change the object: %w", have.Type, pm.Type, syscall.EINVAL)
	case have.KeySize != pm.KeySize:
		return differs("key size", uint64(have.KeySize), uint64(pm.KeySize))
	case have.ValueSize != pm.ValueSize:
		return differs("value size", uint64(have.ValueSize), uint64(pm.ValueSize))
	case have.MaxEntries != entries:
		return differs("max_entries", uint64(have.MaxEntries), uint64(entries))
	case flags != pm.Flags:
		return fmt.Errorf("the pinned map has flags %#x, the object %#x; remove the pin or "+
			"change the object: %w", flags, pm.Flags, syscall.EINVAL)
	case have.MapExtra != pm.Extra:
		return differs("map_extra", have.MapExtra, pm.Extra)
	}
	return nil
}

// Shape returns a map's type and sizes in words.
func Shape(t uapi.MapType, key, value uint32) string {
	return fmt.Sprintf("%v, key %d bytes, value %d bytes", t, key, value)
}
