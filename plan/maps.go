package plan

import (
	"math"
	"math/bits"
	"slices"
	"strconv"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/pathname"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

const defaultPinRoot = "/sys/fs/bpf"

// planMaps adds the plan's maps, so that relocations can refer to them, and decides which of them
// are not created.
func (r *resolver) planMaps() error {
	o := r.o
	if len(o.Maps) == 0 {
		return nil
	}
	inner := 0
	for _, m := range o.Maps {
		if m.Inner != nil {
			inner++
		}
	}
	block := make([]Map, len(o.Maps), len(o.Maps)+inner)
	r.p.Maps = make([]*Map, len(o.Maps), len(o.Maps)+2)
	for i, m := range o.Maps {
		pm := &block[i]
		r.p.Maps[i] = pm
		if m.Kind == object.MapKconfig {
			r.kconfigAt = pm
		}
		if err := r.planMap(pm, m, !m.Autocreate); err != nil {
			return err
		}
		if m.Inner != nil {
			block = append(block, Map{})
			pm.Inner = &block[len(block)-1]
			if err := r.planMap(pm.Inner, m.Inner, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// planMap sets the fields that depend only on the object and on features. A template is created
// with its outer map, whatever its own Autocreate says.
func (r *resolver) planMap(pm *Map, m *object.Map, skip bool) error {
	*pm = Map{
		Spec:       m,
		Type:       m.Type,
		KeySize:    m.KeySize,
		ValueSize:  m.ValueSize,
		MaxEntries: m.MaxEntries,
		Flags:      m.Flags,
		Extra:      m.Extra,
		NumaNode:   m.NumaNode,
		IfIndex:    m.IfIndex,
		PinPath:    m.PinPath,
		Skip:       skip,
	}
	if r.opts.SkipPins {
		pm.PinPath = ""
	} else if pm.PinPath == "" && m.PinByName {
		if err := r.tolerate(r.pinByName(pm, m.Name)); err != nil {
			return err
		}
	}
	if internal(m.Kind) && !pm.Skip {
		if !r.has(facts.GlobalData) {
			pm.Skip, pm.Err = true, r.unknown[facts.GlobalData]
			why := "this kernel has no global data"
			if pm.Err != nil {
				why = "it is unknown whether this kernel has global data"
			}
			r.event(EventSkipped, m.Name, why+"; programs that use it are poisoned where they do")
			return nil
		}
		if pm.Flags&uapi.FMmapable != 0 && !r.has(facts.ArrayMmap) {
			pm.Flags &^= uapi.FMmapable
			pm.Err = r.unknown[facts.ArrayMmap]
			r.event(EventSanitized, m.Name,
				"BPF_F_MMAPABLE dropped: variables are not memory-mapped after load")
		}
	}
	if pm.Skip {
		r.event(EventSkipped, m.Name,
			"autocreate is off; instructions that use it are poisoned")
		return nil
	}
	if r.has(facts.ProgName) {
		called := m.Name
		if internal(m.Kind) {
			called = m.KernelName // composed of the names of the section and the object
		}
		pm.Name = r.kernelName(m.KernelName, called)
	}
	switch m.Type {
	case uapi.MapRingBuf, uapi.MapUserRingBuf:
		pm.MaxEntries = r.ringSize(m)
	case uapi.MapPerfEventArray:
		if m.MaxEntries == 0 {
			n, err := r.k.PossibleCPUs()
			if err != nil {
				return r.fail("map", m.Name, CodeInvalid,
					"max_entries is 0, which means one per possible CPU, "+
						"and their number is unknown", err)
			}
			pm.MaxEntries, pm.PerCPU = uint32(n), true
			r.event(EventResolved, m.Name, "max_entries is "+strconv.Itoa(n)+
				", the number of possible CPUs")
		}
	case uapi.MapArena:
		return r.checkArena(pm, m)
	}
	return nil
}

// pinByName sets the pin path of a map that is pinned by name and has no path.
func (r *resolver) pinByName(pm *Map, name string) error {
	if err := pathname.Check(name); err != nil {
		return r.fail("map", name, CodeInvalid, "it can't be pinned by name; set its pin path", err)
	}
	root := r.opts.PinRoot
	if root == "" {
		root = defaultPinRoot
	}
	pm.PinPath = root + "/" + name
	return nil
}

// internal reports whether k is a map of global variables.
func internal(k object.MapKind) bool {
	switch k {
	case object.MapData, object.MapRodata, object.MapBss, object.MapKconfig:
		return true
	}
	return false
}

// ringSize returns the size of a ring buffer.
func (r *resolver) ringSize(m *object.Map) uint32 {
	size := RingSize(m.MaxEntries, r.k.PageSize())
	if size != m.MaxEntries {
		from, to := strconv.FormatUint(uint64(m.MaxEntries), 10), strconv.FormatUint(uint64(size),
			10)
		r.event(EventResolved, m.Name, "max_entries raised from "+from+" to "+to+
			" bytes, a power of two of pages")
	}
	return size
}

// RingSize returns the size of a ring buffer that is to hold n bytes (libbpf adjust_ringbuf_sz).
// The kernel accepts a power of two of pages; RingSize rounds other sizes up to the next one. It
// leaves 0, and sizes whose result exceeds 32 bits, for the kernel to refuse.
func RingSize(n uint32, pageSize int) uint32 {
	page := uint64(pageSize)
	if n == 0 || page == 0 || uint64(n)%page == 0 && bits.OnesCount64(uint64(n)/page) == 1 {
		return n
	}
	for size := page; size <= math.MaxUint32; size *= 2 {
		if size > uint64(n) {
			return uint32(size)
		}
	}
	return n
}

// checkArena checks that the arena's variables fit into it.
func (r *resolver) checkArena(pm *Map, m *object.Map) error {
	if m != r.o.Arena || len(r.o.ArenaData) == 0 {
		return nil
	}
	page := uint64(r.k.PageSize())
	if page == 0 {
		return r.fail("map", m.Name, CodeInvalid, "the size of a page is unknown", nil)
	}
	if need := roundUp(uint64(len(r.o.ArenaData)), page); need > page*uint64(m.MaxEntries) {
		return r.fail("map", m.Name, CodeTooBig, "its variables take "+
			strconv.FormatUint(need/page, 10)+" pages, max_entries is "+
			strconv.FormatUint(uint64(m.MaxEntries), 10), nil)
	}
	return nil
}

// mapOf returns the plan's map for m, or nil if m is nil or an inner map.
func (r *resolver) mapOf(m *object.Map) *Map {
	if m == nil || m.Index < 0 {
		return nil
	}
	if m.Index < len(r.o.Maps) && r.o.Maps[m.Index] == m {
		return r.p.Maps[m.Index]
	}
	if i := slices.Index(r.o.Maps, m); i >= 0 { // the caller rearranged Object.Maps
		return r.p.Maps[i]
	}
	return nil
}

// noBTF lists the map types whose creation with BTF type ids fails or makes no sense (libbpf's
// list).
var noBTF = [...]bool{
	uapi.MapPerfEventArray: true,
	uapi.MapCgroupArray:    true,
	uapi.MapStackTrace:     true,
	uapi.MapArrayOfMaps:    true,
	uapi.MapHashOfMaps:     true,
	uapi.MapDevMap:         true,
	uapi.MapDevMapHash:     true,
	uapi.MapCPUMap:         true,
	uapi.MapXSKMap:         true,
	uapi.MapSockMap:        true,
	uapi.MapSockHash:       true,
	uapi.MapQueue:          true,
	uapi.MapStack:          true,
	uapi.MapArena:          true,
}

// finishMaps sets the fields that depend on linked programs and on the BTF to upload: type ids,
// images, initial entries.
func (r *resolver) finishMaps() error {
	for i, m := range r.o.Maps {
		pm := r.p.Maps[i]
		if pm.Skip {
			continue
		}
		r.mapTypes(pm)
		if pm.Inner != nil {
			r.mapTypes(pm.Inner)
		}
		switch m.Kind {
		case object.MapData, object.MapBss:
			pm.Image = m.Contents
			pm.Mmap = pm.Flags&uapi.FMmapable != 0
		case object.MapRodata:
			pm.Image, pm.Freeze = m.Contents, true
			pm.Mmap = pm.Flags&uapi.FMmapable != 0
		case object.MapKconfig:
			pm.Image, pm.Freeze = r.kconfig, true
			pm.Mmap = pm.Flags&uapi.FMmapable != 0
		}
		if m.Type == uapi.MapArena {
			pm.Mmap = true
			if m == r.o.Arena && len(r.o.ArenaData) > 0 {
				pm.Image, pm.ImageOffset = r.o.ArenaData, r.arenaOff
			}
		}
		if m.ExclusiveTo != nil {
			if pm.Exclusive = r.planned(m.ExclusiveTo); pm.Exclusive == nil {
				return r.fail("map", m.Name, CodeInvalid, "it is exclusive to program "+
					m.ExclusiveTo.Name+", which is not loaded or not of this object", nil)
			}
		}
		if err := r.fillSlots(pm, m); err != nil {
			return err
		}
	}
	for _, s := range r.slots {
		if s.m.Skip {
			continue
		}
		p := r.planned(s.prog)
		if p == nil {
			return r.fail("struct_ops map", s.m.Spec.Name, CodeInvalid, "program "+s.prog.Name+
				" is not loaded (autoload is off)", nil)
		}
		s.m.FuncSlots[s.slot].Program = p
	}
	return nil
}

// mapTypes sets the BTF type ids of key and value.
func (r *resolver) mapTypes(pm *Map) {
	if r.p.BTF == nil || int(pm.Type) < len(noBTF) && noBTF[pm.Type] {
		return
	}
	pm.KeyType = pm.Spec.KeyType
	if pm.Type != uapi.MapStructOps {
		pm.ValueType = pm.Spec.ValueType
	}
}

// fillSlots resolves the initial entries of a map-in-map or a program array.
func (r *resolver) fillSlots(pm *Map, m *object.Map) error {
	if len(m.Values) == 0 {
		return nil
	}
	pm.Slots = make([]Slot, 0, len(m.Values))
	for _, v := range m.Values {
		s := Slot{Key: v.Key}
		key := " at key " + strconv.FormatUint(uint64(v.Key), 10)
		switch {
		case v.Map != nil:
			s.Map = r.mapOf(v.Map)
			if s.Map == nil || s.Map.Skip {
				return r.fail("map", m.Name, CodeInvalid, "its initial value"+key+" is map "+
					v.Map.Name+", which is not created", nil)
			}
		case v.Program != nil:
			s.Program = r.planned(v.Program)
			if s.Program == nil {
				return r.fail("map", m.Name, CodeInvalid, "its initial value"+key+" is program "+
					v.Program.Name+", which is not loaded (autoload is off)", nil)
			}
		default:
			continue
		}
		pm.Slots = append(pm.Slots, s)
	}
	return nil
}

// planned returns the plan's program for p, or nil if it is not loaded.
func (r *resolver) planned(p *object.Program) *Program {
	i := r.programIndex(p)
	if i < 0 || r.planIndex[i] < 0 {
		return nil
	}
	return r.p.Programs[r.planIndex[i]]
}
