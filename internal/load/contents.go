package load

import (
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/internal/arenapages"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// populate writes the first contents of an internal map, a jump table or an arena, freezes and maps
// it.
func (x *execution) populate(m *Map) error {
	pm := m.Plan
	switch {
	case pm.Type == uapi.MapStructOps:
		m.Image = append([]byte(nil), pm.Image...) // registered when attached
		return nil
	case pm.Type == uapi.MapArena:
		if err := x.mapMemory(m); err != nil {
			return err
		}
		if uint64(len(m.Memory)) < pm.ImageOffset ||
			uint64(len(m.Memory))-pm.ImageOffset < uint64(len(pm.Image)) {
			return x.fail("fill arena", m.Name,
				fmt.Errorf("its variables don't fit: %w", ErrTooBig))
		}
		if err := x.fillArena(m); err != nil {
			return x.fail("fill arena", m.Name, err)
		}
		return nil
	case len(pm.Entries) > 0:
		for i, at := range pm.Entries {
			key := uint32(i)
			var value [16]byte // struct bpf_insn_array_value: orig_off, xlated_off, jitted_off
			binary.NativeEndian.PutUint32(value[:], at)
			if err := sys.MapUpdate(m.FD.Int(), unsafe.Pointer(&key), unsafe.Pointer(&value),
				uapi.Any); err != nil {
				return x.fail("fill jump table", fmt.Sprintf("%s[%d]", m.Name, i), err)
			}
		}
	case pm.Image != nil:
		if err := fillValue(m); err != nil {
			return x.fail("fill map", m.Name, err)
		}
	}
	if pm.Freeze {
		if err := sys.MapFreeze(m.FD.Int()); err != nil {
			return x.fail("freeze map", m.Name, err)
		}
		m.Frozen = true
	}
	if pm.Mmap {
		return x.mapMemory(m)
	}
	return nil
}

// fillValue writes the first value of a map that has one. The kernel takes only whole values: the
// rest of the value behind a .kconfig image is zero pages, which take no memory.
func fillValue(m *Map) error {
	pm, value := m.Plan, m.Plan.Image
	kconfig := pm.Spec != nil && pm.Spec.Kind == object.MapKconfig
	switch short := len(value) < int(pm.ValueSize); {
	case len(value) > int(pm.ValueSize), short && !kconfig:
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
	return sys.MapUpdate(m.FD.Int(), unsafe.Pointer(&key), unsafe.Pointer(unsafe.SliceData(value)),
		uapi.Any)
}

// fillArena writes the object's variables in an arena. With BPF_F_SEGV_ON_FAULT, which libbpf
// crashes on, their pages are allocated first.
func (x *execution) fillArena(m *Map) error {
	image := m.Plan.Image
	if len(image) > 0 && m.Flags&uapi.FSegvOnFault != 0 {
		pages, err := arenapages.Load(m.FD.Int())
		if err != nil {
			return err
		}
		defer pages.Close()
		size := x.running.PageSize()
		start := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(m.Memory))))
		if _, err := pages.Allocate(start+m.Plan.ImageOffset, (len(image)+size-1)/size); err != nil {
			return err
		}
	}
	copy(m.Memory[m.Plan.ImageOffset:], image)
	return nil
}

// mapMemory maps a map's memory. It stays at the same address until the map is closed.
func (x *execution) mapMemory(m *Map) error {
	writable := m.Type == uapi.MapArena || m.Flags&uapi.FRdonlyProg == 0
	if m.Type == uapi.MapArena {
		m.ArenaStart = m.Plan.ImageOffset
	}
	memory, err := mapAll(m.FD, &sys.MapInfo{
		Type: m.Type, ValueSize: m.ValueSize, MaxEntries: m.MaxEntries, MapExtra: m.Extra,
	}, x.running.PageSize(), writable)
	if err != nil {
		return x.fail("map memory of", m.Name, err)
	}
	m.Memory, m.Writable = memory, writable
	return nil
}

// maxMapping is the longest mapping whose length fits an int on this machine.
const maxMapping = uint64(^uint(0) >> 1)

// fillProgramArrays writes programs into the program arrays that the object initialises. The
// programs must have been loaded.
func (x *execution) fillProgramArrays() error {
	for i := range x.Maps {
		m := &x.Maps[i]
		for _, s := range m.Plan.Slots {
			if s.Program == nil || m.FD == nil {
				continue
			}
			where := fmt.Sprintf("%s[%d] with program %s", m.Name, s.Key, s.Program.Name)
			p := x.loaded(s.Program)
			if p == nil {
				return x.fail("fill program array", where,
					fmt.Errorf("the program was not loaded: %w", syscall.EINVAL))
			}
			key, value := s.Key, p.Uint32()
			if err := sys.MapUpdateWait(m.FD.Int(), unsafe.Pointer(&key), unsafe.Pointer(&value),
				uapi.Any); err != nil {
				return x.fail("fill program array", where, err)
			}
		}
	}
	return nil
}

// fillStructOps records the programs for the values of struct_ops maps.
func (x *execution) fillStructOps() error {
	for i := range x.Maps {
		m := &x.Maps[i]
		for _, s := range m.Plan.FuncSlots {
			if m.FD == nil {
				break
			}
			p := x.loaded(s.Program)
			if p == nil || uint64(s.Offset)+8 > uint64(len(m.Image)) {
				return x.fail("fill struct_ops", m.Name,
					fmt.Errorf("offset %d: the program was not loaded: %w",
						s.Offset, syscall.EINVAL))
			}
			m.Slots = append(m.Slots, Slot{s.Offset, p})
		}
	}
	return nil
}

// loaded returns the descriptor of a program of the plan, nil if it was not loaded.
func (x *execution) loaded(pp *plan.Program) *sys.FD {
	if i := slices.Index(x.Plan.Programs, pp); i >= 0 {
		return x.programs[i]
	}
	return nil
}
