// Package mapview shows the elements of maps: tables with rates, totals and the rows that change
// most first; global variables one below the other; counts by powers of two as histograms. Numbers
// that are moments in time, addresses of functions, stacks and IP addresses are shown as such.
package mapview

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/purebpf/bpf/btf"
)

// Map describes a map.
type Map struct {
	Name       string
	Type       string // as bpftool names it
	MaxEntries uint32
	Spec       *btf.Spec // may be nil
	Key, Value btf.ID    // 0 if unknown
	KeySize    int
	ValueSize  int // of one CPU
	Array      bool
	Variables  bool // of a section: the only element is shown as its variables
}

// Names gives names to numbers. Its functions may be nil.
type Names struct {
	// Function returns the function at an address of the kernel, ok is false for other numbers.
	Function func(addr uint64) (name string, ok bool)
	// Stack returns the functions of a stack trace, the innermost first. process is the number of
	// the process that the element has beside it, 0 if there is none.
	Stack func(id uint32, process int) (frames []string, ok bool)
	// Moment returns how long ago a moment of the kernel's clocks was, in nanoseconds; ok is false
	// for numbers that are no moment since the programs run.
	Moment func(n uint64) (ago time.Duration, ok bool)
}

// Element is one element: the key's bytes and one value per CPU, or a single one.
type Element struct {
	Key    []byte
	Values [][]byte
}

// Sample is what was read of a map at a time.
type Sample struct {
	Elements []Element
	Count    int  // elements that the map has, of an array those that are not 0, as far as is known
	Partial  bool // Elements are only the largest ones, as far as is known
	Cut      bool // Elements are only the first ones: the map was not read to its end
	Time     time.Time
}

// View shows one map, and remembers what is needed for rates.
type View struct {
	m      Map
	names  Names
	keys   []column
	values []column

	sample  Sample
	rows    []row
	last    map[string]row // the elements by key
	seen    time.Time      // when last was read
	falls   []bool         // by column: it was seen to become less, so it counts nothing
	grows   []bool
	moments []bool // all numbers of the column are moments
}

// row is an element with its numbers summed over CPUs and, for numbers that count, their rates.
type row struct {
	Element
	numbers []uint64
	rates   []float64 // -1 if unknown
	total   uint64    // of all slots
}

// New returns a view of a map.
func New(m Map, names Names) *View {
	v := &View{m: m, names: names,
		keys: columns(m.Spec, m.Key, "key", m.KeySize), values: columns(m.Spec, m.Value, "value",
			m.ValueSize)}
	v.falls, v.grows = make([]bool, len(v.values)), make([]bool, len(v.values))
	v.moments = make([]bool, len(v.values))
	if m.Key == 0 && m.KeySize == 4 && m.Array {
		v.keys[0].kind = number
	}
	return v
}

// Empty reports whether nothing was in the map.
func (v *View) Empty() bool { return len(v.rows) == 0 }

// Weight says how much a map tells: 2 for histograms and for numbers that count, 1 for other maps,
// which often only connect one event with another.
func (v *View) Weight() int {
	if v.histograms() || v.m.Variables {
		return 2
	}
	for i := range v.values {
		if v.counts(i) {
			return 2
		}
	}
	return 1
}

// Score returns the number by which elements of a map that is too large to show are chosen: the
// first that counts, else the first one.
func (v *View) Score(e Element) uint64 {
	best := -1
	for i, c := range v.values {
		if c.kind == number && (best < 0 || v.falls[best] && !v.falls[i]) {
			best = i
		}
	}
	if best < 0 {
		return 0
	}
	return sum(v.values[best], e)
}

// sum adds a column over CPUs.
func sum(c column, e Element) (n uint64) {
	for _, value := range e.Values {
		n += c.number(value)
	}
	return n
}

// leastInterval is the shortest time over which a rate means something: if samples are closer, the
// rates stay.
const leastInterval = 50 * time.Millisecond

// Update takes what was read. It keeps the sample.
func (v *View) Update(s Sample) {
	elapsed := s.Time.Sub(v.seen).Seconds()
	rows := make([]row, 0, len(s.Elements))
	next := make(map[string]row, len(s.Elements))
	early := elapsed < leastInterval.Seconds() && !v.seen.IsZero()
	for i := range v.moments {
		v.moments[i] = v.values[i].kind == number && v.values[i].size == 8 && len(s.Elements) > 0
	}
	for _, e := range s.Elements {
		r := row{Element: e}
		before, known := v.last[string(e.Key)]
		for i, c := range v.values {
			n := uint64(0)
			if c.kind == slots {
				for _, n := range v.sumSlots(c, e) {
					r.total += n
				}
			}
			if c.kind == number {
				n = sum(c, e)
				if !c.signed && n >= 1<<63 { // an address
					v.falls[i] = true
				}
			}
			rate := -1.0
			switch {
			case known && early:
				rate = before.rates[i]
			case known && elapsed > 0:
				if grown := int64(n - before.numbers[i]); grown >= 0 {
					rate = float64(grown) / elapsed
					v.grows[i] = v.grows[i] || grown > 0
				} else {
					v.falls[i] = true
				}
			}
			v.moments[i] = v.moments[i] && v.areMoments(c, e)
			r.numbers, r.rates = append(r.numbers, n), append(r.rates, rate)
		}
		next[string(e.Key)] = r
		rows = append(rows, r)
	}
	v.sample, v.rows = s, rows
	if !early {
		v.last, v.seen = next, s.Time
	}
	v.sort()
}

// areMoments reports whether the numbers of all CPUs are moments, apart from zeros.
func (v *View) areMoments(c column, e Element) bool {
	if v.names.Moment == nil {
		return false
	}
	for _, value := range e.Values {
		if n := c.number(value); n != 0 {
			if _, ok := v.names.Moment(n); !ok {
				return false
			}
		}
	}
	return true
}

// latest returns the largest number of a CPU.
func latest(c column, e Element) (n uint64) {
	for _, value := range e.Values {
		n = max(n, c.number(value))
	}
	return n
}

// counts reports whether a column counts something, so that its rate and its total mean something.
func (v *View) counts(i int) bool {
	return v.values[i].kind == number && !v.falls[i] && !v.moments[i] && !identifies(v.values[i])
}

// sort brings the rows that change fastest to the top, then those with the largest numbers, or
// whose slots counted most.
func (v *View) sort() {
	slices.SortStableFunc(v.rows, func(a, b row) int {
		for i := range v.values {
			if v.counts(i) {
				if d := cmp.Compare(b.rates[i], a.rates[i]); d != 0 {
					return d
				}
			}
		}
		for i := range v.values {
			if v.counts(i) {
				if d := cmp.Compare(b.numbers[i], a.numbers[i]); d != 0 {
					return d
				}
			}
		}
		if d := cmp.Compare(b.total, a.total); d != 0 {
			return d
		}
		for _, c := range v.keys {
			if c.kind == number {
				if d := cmp.Compare(c.number(a.Key), c.number(b.Key)); d != 0 {
					return d
				}
			}
		}
		return bytes.Compare(a.Key, b.Key)
	})
}

// process returns the number of the process that an element is about, 0 if it has none.
func (v *View) process(e Element) int {
	for _, name := range [...]string{"tgid", "pid"} {
		for _, c := range v.keys {
			if c.kind == number && c.last() == name {
				return int(c.number(e.Key))
			}
		}
		for _, c := range v.values {
			if c.kind == number && c.last() == name && len(e.Values) == 1 {
				return int(c.number(e.Values[0]))
			}
		}
	}
	return 0
}

// histograms reports whether the map's values have slots.
func (v *View) histograms() bool {
	return slices.ContainsFunc(v.values, func(c column) bool { return c.kind == slots })
}
