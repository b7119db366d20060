package mapview

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/internal/screen"
)

// A bar has at most barWidth characters: fewer if that lets histograms stand beside each other.
const (
	barWidth = 40
	leastBar = 20
	between  = 3 // columns between histograms beside each other
)

// histogram is counts by powers of two: slot i counts the values from 2^i to 2^(i+1)-1, the first
// also 0, as log2 of the kernel's tools counts. From 65 slots on they count single values.
type histogram struct {
	label  screen.Line
	counts []uint64 // without the zeros at the end
	linear bool
}

func newHistogram(label screen.Line, counts []uint64) histogram {
	n := len(counts)
	for n > 0 && counts[n-1] == 0 {
		n--
	}
	return histogram{label, counts[:n], len(counts) > 64}
}

// bar is a line of a histogram.
type bar struct {
	low, high, count string
	n                uint64
}

// bars returns the lines of a histogram, at most rows unless that is 0. If they are too many, the
// empty ones at the start are left out, and then neighbours share a line.
func (h *histogram) bars(rows int, f Format) (list []bar) {
	first, step := 0, 1
	if rows > 0 && len(h.counts) > rows {
		for h.counts[first] == 0 {
			first++
		}
		step = (len(h.counts) - first + rows - 1) / rows
	}
	for i := first; i < len(h.counts); i += step {
		last := min(i+step, len(h.counts)) - 1
		var b bar
		for _, n := range h.counts[i : last+1] {
			b.n = max(b.n, b.n+n) // if they wrap, one of them
		}
		switch {
		case h.linear && i == last:
			b.low = strconv.Itoa(i)
		case h.linear:
			b.low, b.high = strconv.Itoa(i), strconv.Itoa(last)
		default:
			low := uint64(1) << i
			if i == 0 {
				low = 0
			}
			b.low, b.high = strconv.FormatUint(low, 10), strconv.FormatUint(2<<last-1, 10)
		}
		b.count = formatNumber(column{}, b.n, f)
		list = append(list, b)
	}
	return list
}

// lines returns the lines of a histogram.
func (h *histogram) lines(bars []bar, s sizes) []screen.Line {
	lines := []screen.Line{h.label}
	if len(bars) == 0 {
		return append(lines, screen.Text(screen.Dim, "  (nothing counted)"))
	}
	var highest uint64
	for _, b := range bars {
		highest = max(highest, b.n)
	}
	for _, b := range bars {
		arrow := "→"
		if b.high == "" {
			arrow = " "
		}
		if highest == 0 {
			highest = 1
		}
		full := int(float64(b.n)/float64(highest)*float64(s.bar) + 0.5)
		if b.n > 0 {
			full = max(full, 1)
		}
		lines = append(lines, screen.Text(screen.Plain, fmt.Sprintf("%*s %s %-*s  %*s |",
			s.low, b.low, arrow, s.high, b.high, s.count, b.count)).
			Add(screen.Active, strings.Repeat("*", full)).
			Add(screen.Plain, strings.Repeat(" ", s.bar-full)+"|"))
	}
	return lines
}

// sizes are the widths of a histogram's columns.
type sizes struct{ low, high, count, bar int }

// head is the width before the bar.
func (s sizes) head() int { return s.low + len(" - ") + s.high + 2 + s.count + len(" |") }

func (s sizes) all() int { return s.head() + s.bar + len("|") }

// beside sets histograms below each other, on wide terminals beside each other. left is how many
// have no place in the rows of the format.
func beside(list []histogram, f Format) (lines []screen.Line, left int) {
	rows := 0
	if f.Rows > 0 {
		rows = max(f.Rows-min(len(list), 2), 1) // a label, and a line for those that are left out
	}
	all := make([][]bar, len(list))
	s := sizes{low: 12, high: 12, count: 6, bar: barWidth}
	if f.Width > 0 {
		s.low, s.high = 4, 0
	}
	for i := range list {
		all[i] = list[i].bars(rows, f)
		for _, b := range all[i] {
			s.low, s.high = max(s.low, len(b.low)+2), max(s.high, len(b.high))
			s.count = max(s.count, len(b.count))
		}
	}
	columns := 1
	if f.Width > 0 {
		columns = (f.Width + between) / (s.head() + leastBar + len("|") + between)
		columns = max(min(columns, len(list)), 1)
		each := (f.Width+between)/columns - between
		s.bar = max(min(barWidth, each-s.head()-len("|")), 8)
	}
	for i := 0; i < len(list); i += columns {
		var blocks [][]screen.Line
		height := 0
		for k := i; k < min(i+columns, len(list)); k++ {
			blocks = append(blocks, list[k].lines(all[k], s))
			height = max(height, len(blocks[k-i]))
		}
		last := i+len(blocks) == len(list)
		if f.Rows > 0 && i > 0 && (len(lines)+height > f.Rows ||
			!last && len(lines)+height == f.Rows) {
			return lines, len(list) - i
		}
		for row := range height {
			var line screen.Line
			for k, block := range blocks {
				var piece screen.Line
				if row < len(block) {
					piece = block[row]
				}
				if len(blocks) > 1 {
					piece = piece.Fit(s.all())
				}
				if k > 0 {
					line = line.Add(screen.Plain, strings.Repeat(" ", between))
				}
				line = append(line, piece...)
			}
			lines = append(lines, line)
		}
	}
	return lines, 0
}
