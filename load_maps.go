package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// takeGiven finds the plan's maps for LoadOptions.Maps, and refuses names that the object doesn't
// have, or maps that it doesn't create.
func (l *loader) takeGiven() error {
	l.given = make(map[*plan.Map]*Map, len(l.opts.Maps))
	for name, m := range l.opts.Maps {
		pm, err := l.mapToGive("reuse map", name, m)
		if err != nil {
			return err
		}
		if l.given[pm] != nil {
			return l.fail("reuse map", name,
				fmt.Errorf("two maps are given for %s: %w", pm.Spec.Name, syscall.EINVAL))
		}
		l.given[pm] = m
	}
	l.givenInner = make(map[*plan.Map]*Map, len(l.opts.InnerMaps))
	for name, m := range l.opts.InnerMaps {
		pm, err := l.mapToGive("set inner map of", name, m)
		switch {
		case err != nil:
			return err
		case pm.Type != uapi.MapArrayOfMaps && pm.Type != uapi.MapHashOfMaps:
			return l.fail("set inner map of", name,
				fmt.Errorf("it is of type %v, no map of maps: %w", pm.Type, syscall.EINVAL))
		case l.given[pm] != nil:
			return l.fail("set inner map of", name,
				fmt.Errorf("the outer map is given too: %w", syscall.EINVAL))
		}
		l.givenInner[pm] = m
	}
	return nil
}

// mapToGive returns the plan's map for a name, found as Object.Map does.
func (l *loader) mapToGive(op, name string, given *Map) (*plan.Map, error) {
	var found *plan.Map
	for _, pm := range l.plan.Maps {
		if pm.Spec != nil && pm.Spec.Name == name {
			found = pm
			break
		}
		if found == nil && pm.Spec != nil && pm.Spec.Section == name && inSection(pm.Spec.Kind) {
			found = pm
		}
	}
	switch {
	case found == nil:
		near := nearest.To(name)
		for _, pm := range l.plan.Maps {
			if pm.Spec != nil {
				near.Offer([]byte(pm.Spec.Name))
			}
		}
		return nil, l.fail(op, name,
			near.AddTo(fmt.Errorf("no such map in the object: %w", ErrNotExist)))
	case found.Skip:
		return nil, l.fail(op, name,
			fmt.Errorf("autocreate is off, so the programs were resolved without it: %w",
				syscall.EINVAL))
	case given == nil:
		return nil, l.fail(op, name, fmt.Errorf("the map given is nil: %w", syscall.EINVAL))
	case given.absent != nil:
		return nil, l.fail(op, name, given.Err())
	}
	return found, nil
}

// makeMaps makes all maps in the order of the plan, except that a map which another one contains
// initially comes before it.
func (l *loader) makeMaps() error {
	l.maps = make(map[*plan.Map]*Map, len(l.plan.Maps))
	for _, pm := range l.plan.Maps {
		m, err := l.newMap(pm)
		if err != nil {
			return err
		}
		if pm.Spec == nil {
			l.obj.hidden = append(l.obj.hidden, m)
		} else {
			l.obj.maps = append(l.obj.maps, m)
		}
		l.maps[pm] = m
	}
	for _, pm := range l.plan.Maps {
		if err := l.ensureMap(pm, 0); err != nil {
			return err
		}
	}
	return nil
}

// newMap describes the map that pm declares; it has no descriptor yet. Values that depend on the
// machine are those of the running kernel: the plan may be for another.
func (l *loader) newMap(pm *plan.Map) (*Map, error) {
	m := &Map{
		name: ".jumptables", object: l.obj.name, btf: l.obj.btf,
		typ: pm.Type, keySize: pm.KeySize, valueSize: pm.ValueSize, maxEntries: pm.MaxEntries,
		flags: pm.Flags, extra: pm.Extra,
	}
	if pm.Spec != nil {
		m.name, m.section, m.kind = pm.Spec.Name, pm.Spec.Section, pm.Spec.Kind
		m.keyType, m.valueType, m.vars = pm.Spec.KeyType, pm.Spec.ValueType, pm.Spec.Vars
		m.autoattach, m.doubt = pm.Spec.Autoattach, pm.Err
	}
	if !l.opts.SkipPins {
		m.pinPath = pm.PinPath
	}
	switch {
	case pm.PerCPU:
		n, err := l.running.PossibleCPUs()
		if err != nil {
			return nil, l.fail("create map", m.name, err)
		}
		m.maxEntries = uint32(n)
	case pm.Type == uapi.MapRingBuf || pm.Type == uapi.MapUserRingBuf:
		m.maxEntries = plan.RingSize(pm.MaxEntries, l.running.PageSize())
	}
	return m, nil
}

// ensureMap makes pm if it doesn't exist yet. Maps nest one level deep; depth stops a plan with
// more levels.
func (l *loader) ensureMap(pm *plan.Map, depth int) error {
	m := l.maps[pm]
	if m == nil {
		return l.fail("create map", pm.Name,
			fmt.Errorf("a slot refers to a map that is not in the plan: %w", syscall.EINVAL))
	}
	if pm.Skip || m.fd != nil {
		return nil
	}
	if depth > 1 {
		return l.fail("create map", m.name,
			fmt.Errorf("maps of maps hold each other: %w", syscall.ELOOP))
	}
	for _, s := range pm.Slots {
		if s.Map != nil {
			if err := l.ensureMap(s.Map, depth+1); err != nil {
				return err
			}
		}
	}
	if m.pinPath == "" {
		return l.takeOrCreate(pm, m)
	}
	place, err := bpffs.At(m.pinPath)
	if err != nil {
		return l.fail("open pinned map", m.name+" at "+m.pinPath, err)
	}
	made, err := l.findOrPin(pm, m, place)
	if made {
		l.pinned = append(l.pinned, pinnedMap{m, place})
		return nil
	}
	place.Close()
	return err
}

// maxPinRaces limits how often another process may pin a map between the look for one and the
// attempt to pin ours, and remove it before it can be opened.
const maxPinRaces = 16

// findOrPin uses the map that is pinned at place, or reuses or creates one and pins it there.
func (l *loader) findOrPin(pm *plan.Map, m *Map, place *bpffs.Place) (made bool, err error) {
	for race := 0; ; race++ {
		if err := l.openPinned(pm, m, place); err != nil || m.fd != nil {
			return false, err
		}
		if err := l.takeOrCreate(pm, m); err != nil {
			return false, err
		}
		err := place.Pin(m.fd.Int())
		if err == nil {
			m.pinned = true
			l.ev.Debug("pinned map", "object", l.obj.name, "map", m.name, "path", m.pinPath)
			return true, nil
		}
		if race == maxPinRaces || !errors.Is(err, syscall.EEXIST) {
			return false, l.fail("pin map", m.name+" at "+m.pinPath, err)
		}
		// Another process has pinned a map there since we looked: use that.
		l.ev.Info("another map was pinned meanwhile, using that",
			"object", l.obj.name, "map", m.name, "path", m.pinPath)
		m.close()
		m.fd, m.memory = nil, nil
		m.gone.Store(false)
	}
}

// takeOrCreate uses the caller's map, or creates one.
func (l *loader) takeOrCreate(pm *plan.Map, m *Map) error {
	if given := l.given[pm]; given != nil {
		return l.reuseMap(pm, m, given)
	}
	return l.createMap(pm, m)
}

// reuseMap uses a map of the caller, with its contents (libbpf bpf_map__reuse_fd).
func (l *loader) reuseMap(pm *plan.Map, m, given *Map) error {
	if given.typ != pm.Type || given.keySize != pm.KeySize || given.valueSize != pm.ValueSize {
		return l.fail("reuse map", m.name, fmt.Errorf("it is %s, the object needs %s: %w",
			shape(given.typ, given.keySize, given.valueSize),
			shape(pm.Type, pm.KeySize, pm.ValueSize), syscall.EINVAL))
	}
	fd, err := given.fd.Dup()
	if err != nil {
		if given.fd.Closed() {
			err = given.absence()
		}
		return l.fail("reuse map", m.name, err)
	}
	m.fd, m.reused = fd, true
	m.maxEntries, m.flags, m.extra = given.maxEntries, given.flags, given.extra
	if err := m.countCPUs(l.running); err != nil {
		return l.fail("reuse map", m.name, err)
	}
	l.mapReused(pm, m)
	return nil
}

// mapReused maps the memory of a reused map, if possible: libbpf never does, so nothing depends on
// it.
func (l *loader) mapReused(pm *plan.Map, m *Map) {
	if !pm.Mmap && pm.Type != uapi.MapArena {
		return
	}
	if err := l.mapMemory(pm, m); err != nil {
		l.ev.Info("the memory of a reused map is not mapped", "object", l.obj.name, "map", m.name,
			"err", err)
	}
}

// openPinned opens the map that is pinned at place. m.fd stays nil if there is none.
func (l *loader) openPinned(pm *plan.Map, m *Map, place *bpffs.Place) error {
	fd, err := place.Get()
	if err == syscall.ENOENT {
		return nil
	}
	if err == nil {
		err = ofKind(fd, "bpf-map")
	}
	where := m.name + " at " + m.pinPath
	if err != nil {
		return l.fail("open pinned map", where, err)
	}
	found, err := kernel.MapInfo(fd)
	if err == nil {
		err = compatible(pm, m.maxEntries, found)
	}
	if err != nil {
		fd.Close()
		return l.fail("reuse pinned map", where, err)
	}
	m.fd, m.reused, m.pinned = fd, true, true
	m.flags, m.extra = pm.Flags, pm.Extra
	if err := m.countCPUs(l.running); err != nil {
		return l.fail("reuse pinned map", where, err)
	}
	l.ev.Info("using pinned map", "object", l.obj.name, "map", m.name, "path", m.pinPath)
	if given := l.given[pm]; given != nil {
		defer held(given.fd)()
		if info, err := kernel.MapInfo(given.fd); err != nil || info.ID != found.ID {
			l.ev.Warn("the pinned map is used, not the one given",
				"object", l.obj.name, "map", m.name, "path", m.pinPath)
		}
	}
	l.mapReused(pm, m)
	return nil
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
		return fmt.Errorf("the pinned map has %s %d, the object %d; remove the pin or change the object: %w", what, got, want, syscall.EINVAL)
	}
	switch {
	case have.Type != pm.Type:
		return fmt.Errorf("the pinned map is of type %v, the object's %v; remove the pin or change the object: %w", have.Type, pm.Type, syscall.EINVAL)
	case have.KeySize != pm.KeySize:
		return differs("key size", uint64(have.KeySize), uint64(pm.KeySize))
	case have.ValueSize != pm.ValueSize:
		return differs("value size", uint64(have.ValueSize), uint64(pm.ValueSize))
	case have.MaxEntries != entries:
		return differs("max_entries", uint64(have.MaxEntries), uint64(entries))
	case flags != pm.Flags:
		return fmt.Errorf("the pinned map has flags %#x, the object %#x; remove the pin or change the object: %w", flags, pm.Flags, syscall.EINVAL)
	case have.MapExtra != pm.Extra:
		return differs("map_extra", have.MapExtra, pm.Extra)
	}
	return nil
}

// createMap creates a map and writes its first contents.
func (l *loader) createMap(pm *plan.Map, m *Map) error {
	fd, err := l.createFD(pm, m.name, m.maxEntries)
	if err != nil {
		return err
	}
	m.fd = fd
	if err := m.countCPUs(l.running); err != nil {
		return l.fail("create map", m.name, err)
	}
	l.ev.Debug("created map", "object", l.obj.name, "map", m.name, "type", pm.Type, "fd", fd)
	if err := l.populate(pm, m); err != nil {
		return err
	}
	for _, s := range pm.Slots {
		if s.Map == nil {
			continue
		}
		target := l.maps[s.Map]
		if target == nil || target.fd == nil {
			return l.fail("fill map", fmt.Sprintf("%s[%d]", m.name, s.Key),
				fmt.Errorf("the map for this slot was not created: %w", ErrNotExist))
		}
		key, value := s.Key, target.fd.Uint32()
		if err := sys.MapUpdateWait(m.fd.Int(), unsafe.Pointer(&key), unsafe.Pointer(&value),
			uapi.Any); err != nil {
			return l.fail("fill map", fmt.Sprintf("%s[%d] with map %s", m.name, s.Key, target.name),
				err)
		}
	}
	return nil
}

// createFD creates the kernel map of pm, its template first if it is a map of maps.
func (l *loader) createFD(pm *plan.Map, name string, entries uint32) (*sys.FD, error) {
	attr := sys.MapCreateAttr{
		Type: pm.Type, KeySize: pm.KeySize, ValueSize: pm.ValueSize, MaxEntries: entries,
		Flags:    pm.Flags,
		NumaNode: pm.NumaNode, Name: sys.Name(pm.Name), IfIndex: pm.IfIndex, MapExtra: pm.Extra,
		BTFVmlinuxValueTypeID: uint32(pm.KernelValueType),
	}
	if l.btf != nil && (pm.KeyType != 0 || pm.ValueType != 0 || pm.KernelValueType != 0) {
		attr.BTFFD, attr.BTFKeyTypeID, attr.BTFValueTypeID = l.btf.Uint32(), uint32(pm.KeyType),
			uint32(pm.ValueType)
	}
	token, flag := l.tokenFD()
	attr.TokenFD, attr.Flags = token, attr.Flags|flag
	if pm.Exclusive != nil {
		hash, err := l.exclusiveHash(pm.Exclusive)
		if err != nil {
			return nil, err
		}
		attr.ExclProgHash, attr.ExclProgHashSize = sys.Slice(hash[:]), uint32(len(hash))
	}
	if pm.KernelModule != nil {
		module, err := l.moduleFD(pm.KernelModule)
		if err != nil {
			return nil, err
		}
		attr.ValueTypeBTFObjFD = int32(module.Int())
		attr.Flags |= uapi.FVtypeBtfObjFD
	}
	if given := l.givenInner[pm]; given != nil {
		fd, err := given.use()
		if err != nil {
			return nil, l.fail("set inner map of", name, given.fail("use map", err))
		}
		defer given.release()
		attr.InnerMapFD = uint32(fd)
	} else if pm.Inner != nil {
		inner, err := l.createFD(pm.Inner, name+".inner", pm.Inner.MaxEntries)
		if err != nil {
			return nil, err
		}
		defer inner.Close()
		attr.InnerMapFD = inner.Uint32()
	}
	fd, err := sys.MapCreate(&attr)
	if err != nil && (attr.BTFKeyTypeID != 0 || attr.BTFValueTypeID != 0) {
		l.ev.Warn("creating a map failed, trying without its BTF",
			"object", l.obj.name, "map", name, "err", err)
		attr.BTFFD, attr.BTFKeyTypeID, attr.BTFValueTypeID = 0, 0, 0
		fd, err = sys.MapCreate(&attr)
	}
	if err != nil {
		return l.createLogged(pm, name, &attr, err)
	}
	return fd, nil
}

// mapLogSize is enough for the kernel's log about a map: a line.
const mapLogSize = 4096

// createLogged repeats a refused creation with a log, if the kernel writes one for maps, and adds
// it to the error.
func (l *loader) createLogged(pm *plan.Map, name string, attr *sys.MapCreateAttr,
	refusal error) (*sys.FD, error) {
	log := ""
	if has, err := l.running.Has(facts.CommonAttrs); err == nil && has {
		buf := l.scratch.logBuffer(mapLogSize)[:mapLogSize]
		buf[0] = 0
		fd, err := sys.MapCreateLog(attr,
			&sys.CommonAttr{LogBuf: sys.Slice(buf), LogSize: mapLogSize, LogLevel: 1})
		if err == nil {
			l.ev.Info("creating a map failed and then didn't", "object", l.obj.name, "map", name,
				"err", refusal)
			return fd, nil
		}
		log = string(logText(buf))
	}
	a := attempt{op: opCreateMap, need: mapCaps(pm.Type), limit: l.limitErr,
		maps: l.ruled(pm, attr)}
	what := name + " (" + shape(pm.Type, pm.KeySize, pm.ValueSize) + ")"
	failure := a.fail("create map", about{l.obj.name, what}, refusal)
	failure.Log = log
	return nil, failure
}

// populate writes the first contents of an internal map, a jump table or an arena, freezes and maps
// it.
func (l *loader) populate(pm *plan.Map, m *Map) error {
	switch {
	case pm.Type == uapi.MapStructOps:
		m.image = append([]byte(nil), pm.Image...) // registered when attached
		return nil
	case pm.Type == uapi.MapArena:
		if err := l.mapMemory(pm, m); err != nil {
			return err
		}
		if uint64(len(m.memory)) < pm.ImageOffset ||
			uint64(len(m.memory))-pm.ImageOffset < uint64(len(pm.Image)) {
			return l.fail("fill arena", m.name,
				fmt.Errorf("its variables don't fit: %w", ErrTooBig))
		}
		copy(m.memory[pm.ImageOffset:], pm.Image)
		return nil
	case len(pm.Entries) > 0:
		for i, at := range pm.Entries {
			key := uint32(i)
			var value [16]byte // struct bpf_insn_array_value: orig_off, xlated_off, jitted_off
			binary.NativeEndian.PutUint32(value[:], at)
			if err := sys.MapUpdate(m.fd.Int(), unsafe.Pointer(&key), unsafe.Pointer(&value),
				uapi.Any); err != nil {
				return l.fail("fill jump table", fmt.Sprintf("%s[%d]", m.name, i), err)
			}
		}
	case pm.Image != nil:
		if err := l.fillValue(pm, m); err != nil {
			return l.fail("fill map", m.name, err)
		}
	}
	if pm.Freeze {
		if err := sys.MapFreeze(m.fd.Int()); err != nil {
			return l.fail("freeze map", m.name, err)
		}
		m.frozen.Store(true)
	}
	if pm.Mmap {
		return l.mapMemory(pm, m)
	}
	return nil
}

// fillValue writes the first value of a map that has one. The kernel takes only whole values: the
// rest of the value behind a .kconfig image is zero pages, which take no memory.
func (l *loader) fillValue(pm *plan.Map, m *Map) error {
	value := pm.Image
	switch short := len(value) < int(pm.ValueSize); {
	case len(value) > int(pm.ValueSize), short && m.kind != object.MapKconfig:
		return fmt.Errorf("its contents are %d bytes, its value size is %d: %w",
			len(value), pm.ValueSize, syscall.EINVAL)
	case short:
		zeroes, err := sys.MmapZero(int(pm.ValueSize))
		if err != nil {
			return err
		}
		defer sys.Munmap(zeroes)
		copy(zeroes, value)
		value = zeroes
	}
	var key uint32
	return sys.MapUpdate(m.fd.Int(), unsafe.Pointer(&key), unsafe.Pointer(unsafe.SliceData(value)),
		uapi.Any)
}

// mapMemory maps a map's memory. It stays at the same address until the map is closed.
func (l *loader) mapMemory(pm *plan.Map, m *Map) error {
	page := l.running.PageSize()
	var at unsafe.Pointer
	var size uint64
	flags, prot := sys.MapShared, sys.ProtRead|sys.ProtWrite
	if pm.Type == uapi.MapArena {
		size = uint64(m.maxEntries) * uint64(page)
		m.arenaStart = pm.ImageOffset
		if m.extra != 0 {
			at = unsafe.Add(at, uintptr(m.extra)) // the address that the arena was made for
			flags |= sys.MapFixedNoreplace
		}
	} else {
		size = (uint64(m.valueSize)+7)&^7*uint64(m.maxEntries) + uint64(page) - 1
		size -= size % uint64(page)
		if m.flags&uapi.FRdonlyProg != 0 {
			prot = sys.ProtRead
		}
	}
	if size > maxMapping {
		return l.fail("map memory of", m.name, fmt.Errorf("%d bytes: %w", size, ErrTooBig))
	}
	memory, err := sys.MmapAt(at, m.fd.Int(), 0, int(size), prot, flags)
	if err != nil {
		return l.fail("map memory of", m.name, err)
	}
	m.memory, m.writable = memory, prot&sys.ProtWrite != 0
	return nil
}

// maxMapping is the longest mapping whose length fits an int on this machine.
const maxMapping = uint64(^uint(0) >> 1)

// fillProgramArrays writes programs into the program arrays that the object initialises. The
// programs must have been loaded.
func (l *loader) fillProgramArrays() error {
	for _, pm := range l.plan.Maps {
		m := l.maps[pm]
		for _, s := range pm.Slots {
			if s.Program == nil || m.fd == nil {
				continue
			}
			where := fmt.Sprintf("%s[%d] with program %s", m.name, s.Key, s.Program.Name)
			p := l.progs[s.Program]
			if p == nil || p.fd == nil {
				return l.fail("fill program array", where,
					fmt.Errorf("the program was not loaded: %w", syscall.EINVAL))
			}
			key, value := s.Key, p.fd.Uint32()
			if err := sys.MapUpdateWait(m.fd.Int(), unsafe.Pointer(&key), unsafe.Pointer(&value),
				uapi.Any); err != nil {
				return l.fail("fill program array", where, err)
			}
		}
	}
	return nil
}

// fillStructOps records the programs for the values of struct_ops maps.
func (l *loader) fillStructOps() error {
	for _, pm := range l.plan.Maps {
		m := l.maps[pm]
		for _, s := range pm.FuncSlots {
			if m.fd == nil {
				break
			}
			p := l.progs[s.Program]
			if p == nil || p.fd == nil || uint64(s.Offset)+8 > uint64(len(m.image)) {
				return l.fail("fill struct_ops", m.name,
					fmt.Errorf("offset %d: the program was not loaded: %w",
						s.Offset, syscall.EINVAL))
			}
			m.slots = append(m.slots, structOpsSlot{s.Offset, p.fd})
		}
	}
	return nil
}

func shape(t uapi.MapType, key, value uint32) string {
	return fmt.Sprintf("%v, key %d bytes, value %d bytes", t, key, value)
}
