package records

import (
	"cmp"
	"math"
	"slices"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/object"
)

// regionKind is what a piece of memory is.
type regionKind uint8

const (
	regionStack  regionKind = iota + 1 // the frame of a function, offsets are negative
	regionRecord                       // reserved in a ring buffer
	regionValue                        // values of a map
	regionData                         // global variables
	regionSample                       // a sample of a user ring buffer
)

// region is a piece of memory that programs write. A place that runs several times counts as one.
type region struct {
	kind regionKind
	m    *object.Map // regionRecord, regionValue, regionData, regionSample
	site site        // regionRecord
}

type regionKey struct {
	kind    regionKind
	m       *object.Map
	context int32
	insn    int32
}

// site is an instruction.
type site struct {
	fn   int32
	insn int32
}

// cellKind is how something came into memory.
type cellKind uint8

const (
	cellStore  cellKind = iota + 1 // a store instruction
	cellBytes                      // a helper that copies bytes
	cellString                     // a helper that writes a string
	cellTyped                      // not bytes but evidence: a type lies here
)

// cell is something that was written to a region, or evidence of the type of its memory. The value
// of all times that the instruction ran is joined.
type cell struct {
	cellKey
	val  value
	size int32 // cellBytes, cellString: at most so many bytes; 0 if that is not known
}

type cellKey struct {
	region int32
	off    int32
	width  int32 // of a store; 0 for others
	kind   cellKind
	varies bool // the offset varies
	at     site
	typ    btf.ID // cellTyped
}

// state is what is known before an instruction: registers, and what was written to memory on all
// ways there.
type state struct {
	regs    [11]value
	stores  []entry // by store instructions to a known offset: ascending
	others  []entry // ascending
	counted int     // cells that machine.entries counts
}

// entry is a cell in a state, sorted by where it lies.
type entry struct {
	place int64 // region and offset
	cell  int32
}

func place(region, off int32) int64 { return int64(region)<<32 + int64(off) + 1<<31 }

func (e entry) compare(f entry) int {
	if c := cmp.Compare(e.place, f.place); c != 0 {
		return c
	}
	return cmp.Compare(e.cell, f.cell)
}

func (s *state) size() int { return len(s.stores) + len(s.others) }

func (s *state) copyFrom(from *state) {
	s.regs = from.regs
	s.copyMemory(from)
}

func (s *state) copyMemory(from *state) {
	s.stores = append(s.stores[:0], from.stores...)
	s.others = append(s.others[:0], from.others...)
}

// merge adds what is known on another way to the same instruction. If widen is set, ranges that
// grow become unlimited, so that loops end.
func (m *machine) merge(s, from *state, widen bool) (changed bool) {
	for i := range s.regs {
		old := s.regs[i]
		v := join(old, from.regs[i])
		if v == old {
			continue
		}
		if widen && v.kind == scalar && old.kind == scalar {
			flags := v.flags
			v = number()
			v.flags = flags
		}
		if v != old {
			s.regs[i], changed = v, true
		}
	}
	return m.mergeMemory(s, from) || changed
}

func (m *machine) mergeMemory(s, from *state) bool {
	a := mergeEntries(&s.stores, from.stores)
	if a && len(s.stores) > maxPerPlace {
		s.stores = m.reduce(s.stores)
	}
	b := mergeEntries(&s.others, from.others)
	if b && len(s.others) > maxPerPlace {
		s.others = m.reduce(s.others)
	}
	return a || b
}

// maxPerPlace is the number of instructions that are told apart at one place.
const maxPerPlace = 16

// reduce replaces the cells of places that have too many by cells without an instruction, whose
// values are not known.
func (m *machine) reduce(list []entry) []entry {
	for i := 0; i < len(list); {
		j := i + 1
		for j < len(list) && list[j].place == list[i].place {
			j++
		}
		if j-i <= maxPerPlace {
			i = j
			continue
		}
		var few []entry
		for _, e := range list[i:j] {
			c := m.cells[e.cell]
			val := value{}
			if c.kind == cellStore {
				val.flags = loaded
			}
			c.at = site{-1, -1}
			if e.cell = m.cell(c.cellKey, val, c.size); e.cell < 0 {
				return list
			}
			if at, ok := slices.BinarySearchFunc(few, e, entry.compare); !ok {
				few = slices.Insert(few, at, e)
			}
		}
		list = slices.Replace(list, i, j, few...)
		i += len(few)
	}
	return list
}

// mergeEntries adds what list lacks of another list.
func mergeEntries(list *[]entry, more []entry) bool {
	old := *list
	missing, i := 0, 0
	for _, e := range more {
		for i < len(old) && old[i].compare(e) < 0 {
			i++
		}
		if i == len(old) || old[i] != e {
			missing++
		}
	}
	if missing == 0 {
		return false
	}
	// From the end, so that nothing is overwritten before it is moved.
	merged := slices.Grow(old, missing)[:len(old)+missing]
	i = len(old) - 1
	j := len(more) - 1
	for k := len(merged) - 1; j >= 0; k-- {
		c := 1
		if i >= 0 {
			c = more[j].compare(old[i])
		}
		switch {
		case c > 0:
			merged[k] = more[j]
			j--
		case c == 0:
			merged[k] = old[i]
			i, j = i-1, j-1
		default:
			merged[k] = old[i]
			i--
		}
	}
	*list = merged
	return true
}

// in returns the part of a list that lies from one offset of a region to before another.
func in(list []entry, region int32, from, to int64) (i, j int) {
	bound := func(off int64) int {
		off = max(min(off, math.MaxInt32), math.MinInt32)
		at := place(region, int32(off))
		i, _ := slices.BinarySearchFunc(list, at, func(e entry, at int64) int {
			return cmp.Compare(e.place, at)
		})
		return i
	}
	return bound(from), bound(to)
}

// cell returns the number of a cell, to whose value it adds val; -1 if there are too many.
func (m *machine) cell(key cellKey, val value, size int32) int32 {
	i, ok := m.cellOf[key]
	if !ok {
		if len(m.cells) >= maxAllCells {
			m.stop("the programs write to too many places")
			return -1
		}
		i = int32(len(m.cells))
		m.cells = append(m.cells, cell{key, val, size})
		m.cellOf[key] = i
		return i
	}
	c := &m.cells[i]
	if v := join(c.val, val); v != c.val {
		if c.val.kind == scalar && v.kind == scalar && m.round > 0 {
			flags := v.flags
			v = number()
			v.flags = flags
		}
		c.val = v
		m.changed = true
	}
	if size == 0 {
		c.size = 0
	} else if c.size != 0 {
		c.size = max(c.size, size)
	}
	return i
}

// write adds a cell, which replaces what it covers.
func (m *machine) write(s *state, key cellKey, val value, size int32) {
	if m.coarse && (key.kind == cellStore && val.kind <= scalar || key.kind == cellBytes ||
		key.kind == cellString) {
		if width := max(key.width, size); !key.varies && width > 0 {
			m.erase(s, key.region, key.off, width)
		}
		return
	}
	i := m.cell(key, val, size)
	if i < 0 {
		return
	}
	list := &s.others
	if key.kind == cellStore && !key.varies {
		m.erase(s, key.region, key.off, key.width)
		list = &s.stores
	} else if key.kind != cellTyped && !key.varies && size > 0 {
		m.erase(s, key.region, key.off, size)
	}
	e := entry{place(key.region, key.off), i}
	if at, ok := slices.BinarySearchFunc(*list, e, entry.compare); !ok {
		if s.size() >= maxCells {
			if m.regions[key.region].kind == regionStack {
				m.stop("a program writes to too many places")
			}
			return // what is not known of other memory claims nothing
		}
		*list = slices.Insert(*list, at, e)
	}
}

// erase removes what lies in width bytes of a region.
func (m *machine) erase(s *state, region, off, width int32) {
	end := int64(off) + int64(width)
	i, j := in(s.stores, region, int64(off), end)
	m.steps += (j - i) / 8
	kept := s.stores[:i]
	for _, e := range s.stores[i:j] {
		if c := &m.cells[e.cell]; int64(c.off)+int64(c.width) > end {
			kept = append(kept, e)
		}
	}
	if len(kept) < j {
		s.stores = append(kept, s.stores[j:]...)
	}
	i, j = in(s.others, region, int64(off), end)
	kept = s.others[:i]
	for _, e := range s.others[i:j] {
		c := &m.cells[e.cell]
		if c.kind == cellTyped || c.varies || c.size <= 0 || int64(c.off)+int64(c.size) > end {
			kept = append(kept, e)
		}
	}
	if len(kept) < j {
		s.others = append(kept, s.others[j:]...)
	}
}

// forget removes everything that is known about a region.
func (m *machine) forget(s *state, region int32) {
	i, j := in(s.stores, region, math.MinInt32, math.MaxInt32)
	s.stores = slices.Delete(s.stores, i, j)
	i, j = in(s.others, region, math.MinInt32, math.MaxInt32)
	s.others = slices.Delete(s.others, i, j)
}

// read returns what lies in width bytes of a region.
func (m *machine) read(s *state, region, off int32, width int) value {
	result, found := ofWidth(width), false
	end := int64(off) + int64(width)
	i, j := in(s.others, region, math.MinInt32, math.MaxInt32)
	m.steps += (j - i) / 8
	for _, e := range s.others[i:j] {
		c := &m.cells[e.cell]
		if c.kind != cellTyped &&
			(c.varies || int64(c.off) < end && int64(c.off)+int64(max(c.size, 1)) > int64(off)) {
			return result
		}
	}
	i, j = in(s.stores, region, int64(off)-7, end)
	for _, e := range s.stores[i:j] {
		c := &m.cells[e.cell]
		if int64(c.off)+int64(c.width) <= int64(off) {
			continue
		}
		v := c.val
		if c.off != off || int(c.width) != width ||
			width < 8 && (v.kind != scalar || v.hi >= 1<<(8*width)) {
			return ofWidth(width)
		}
		if found {
			v = join(result, v)
		}
		result, found = v, true
	}
	if found && result.kind == scalar {
		result.flags |= loaded
	}
	return result
}

// all returns what is known about a region.
func (m *machine) all(s *state, region int32) (list []int32) {
	i, j := in(s.stores, region, math.MinInt32, math.MaxInt32)
	for _, e := range s.stores[i:j] {
		list = append(list, e.cell)
	}
	i, j = in(s.others, region, math.MinInt32, math.MaxInt32)
	for _, e := range s.others[i:j] {
		list = append(list, e.cell)
	}
	return list
}
