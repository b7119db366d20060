package mapview

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/internal/screen"
)

// Format is how much is shown, and how.
type Format struct {
	Width int  // columns of the terminal, 0 for any number
	Rows  int  // lines to use, 0 for any number
	Exact bool // numbers with all digits
	Bare  bool // without the heading
}

// cell is one field of a table.
type cell struct {
	text  string
	style screen.Style
	left  bool
}

// Lines returns the map as lines.
func (v *View) Lines(f Format) []screen.Line {
	switch {
	case v.m.Variables:
		return v.variables(f)
	case v.histograms():
		return v.slots(f)
	}
	return v.table(f)
}

// Summary says in a few words what the map has, nothing if it is global variables.
func (v *View) Summary() string {
	switch {
	case v.m.Variables:
		return ""
	case v.sample.Cut:
		return fmt.Sprintf("%s (%s): at least %d of %d", v.m.Name, v.m.Type, v.sample.Count,
			v.m.MaxEntries)
	case v.m.Array && v.Empty():
		return fmt.Sprintf("%s (%s): all %d are 0", v.m.Name, v.m.Type, v.m.MaxEntries)
	case v.m.Array:
		return fmt.Sprintf("%s (%s): %d of %d are not 0", v.m.Name, v.m.Type, v.sample.Count,
			v.m.MaxEntries)
	}
	return fmt.Sprintf("%s (%s): %d of %d", v.m.Name, v.m.Type, v.sample.Count, v.m.MaxEntries)
}

func (v *View) heading(shown int, f Format) []screen.Line {
	if f.Bare {
		return nil
	}
	of := fmt.Sprintf("%d of %d", v.sample.Count, v.m.MaxEntries)
	if v.m.Array {
		of = fmt.Sprintf("%d of %d not 0", v.sample.Count, v.m.MaxEntries)
	}
	if v.sample.Cut {
		of = "at least " + of
	}
	if v.m.Variables {
		return []screen.Line{screen.Text(screen.Bold, v.m.Name).
			Add(screen.Plain, " ("+v.m.Type+")")}
	}
	more := ""
	switch {
	case v.sample.Partial:
		more = fmt.Sprintf(", %d of the largest", shown)
	case shown < len(v.rows) || v.sample.Cut:
		more = fmt.Sprintf(", the first %d", shown)
	}
	for i, c := range v.values {
		if v.counts(i) && v.grows[i] {
			more += ", by " + rateName(c)
			if len(v.values) > 1 && rateName(c) == "/s" {
				more = strings.TrimSuffix(more, "/s") + c.name + "/s"
			}
			break
		}
	}
	line := screen.Text(screen.Bold, v.m.Name).Add(screen.Plain, " ("+v.m.Type+", "+of+")"+more)
	var names []string
	for i, hidden := range v.zeros(f) {
		if hidden && len(v.rows) > 0 {
			names = append(names, v.values[i].name)
		}
	}
	if names != nil {
		line = line.Add(screen.Dim, ", "+zeroText(names))
	}
	return []screen.Line{line}
}

// rateName returns the heading of a column's rate.
func rateName(c column) string {
	if c.name == "bytes" || strings.HasSuffix(c.name, "_bytes") ||
		strings.HasSuffix(c.name, ".bytes") {
		return "B/s"
	}
	return "/s"
}

func (v *View) table(f Format) []screen.Line {
	rows := v.rows
	total := len(rows) > 1
	if f.Rows > 0 {
		room := f.Rows - 1 // of the columns' names
		if !f.Bare {
			room--
		}
		if total && len(rows) > room-1 {
			room--
		}
		rows = rows[:max(min(len(rows), room), 0)]
	}
	lines := v.heading(len(rows), f)
	if len(v.rows) == 0 {
		return lines
	}
	hidden := v.zeros(f)
	var head []cell
	for _, c := range v.keys {
		head = append(head, cell{c.name, screen.Dim, c.kind != number})
	}
	for i, c := range v.values {
		if hidden[i] {
			continue
		}
		head = append(head, cell{c.name, screen.Dim, v.left(i)})
		if v.counts(i) {
			head = append(head, cell{rateName(c), screen.Dim, false})
		}
	}
	cells := [][]cell{head}
	for _, r := range rows {
		var list []cell
		for _, c := range v.keys {
			list = append(list, cell{v.keyText(c, r.Element), screen.Plain, c.kind != number})
		}
		for i := range v.values {
			if hidden[i] {
				continue
			}
			list = append(list, cell{v.valueText(i, r, f), screen.Plain, v.left(i)})
			if v.counts(i) {
				list = append(list, rateCell(r.rates[i]))
			}
		}
		cells = append(cells, list)
	}
	if total {
		if sums := v.totals(hidden, f); sums != nil {
			cells = append(cells, sums)
		}
	}
	return append(lines, align(cells, f.Width)...)
}

// zeros returns which columns of values a table hides, since they are zero in all rows: those
// beside others, where a heading can say so.
func (v *View) zeros(f Format) []bool {
	hidden := make([]bool, len(v.values))
	if f.Bare {
		return hidden
	}
	all := true
	for i, c := range v.values {
		hidden[i] = !slices.ContainsFunc(v.rows, func(r row) bool {
			return slices.ContainsFunc(r.Values, func(value []byte) bool {
				b, ok := c.bytes(value)
				return !ok || !allZero(b)
			})
		})
		all = all && hidden[i]
	}
	if all {
		clear(hidden)
	}
	return hidden
}

// zeroText says which values are zero, naming the first ones.
func zeroText(names []string) string {
	const most = 6
	if len(names) > most {
		names = append(names[:most:most], fmt.Sprintf("%d more", len(names)-most))
	}
	return "zero: " + strings.Join(names, " ")
}

// left reports whether a column of values is text.
func (v *View) left(i int) bool {
	return v.values[i].kind != number && v.values[i].kind != stackID
}

func rateCell(rate float64) cell {
	switch {
	case rate < 0:
		return cell{"", screen.Dim, false}
	case rate > 0:
		return cell{screen.Rate(rate), screen.Active, false}
	}
	return cell{screen.Rate(rate), screen.Dim, false}
}

// totals returns the last line of a table, nil if no column was seen to count.
func (v *View) totals(hidden []bool, f Format) []cell {
	if v.sample.Partial || v.sample.Cut {
		return nil
	}
	var list []cell
	for i := range v.keys {
		name := ""
		if i == 0 {
			name = "total"
		}
		list = append(list, cell{name, screen.Dim, v.keys[i].kind != number})
	}
	some := false
	for i, c := range v.values {
		if hidden[i] {
			continue
		}
		if !v.counts(i) || !v.grows[i] {
			list = append(list, cell{})
			if v.counts(i) {
				list = append(list, cell{})
			}
			continue
		}
		some = true
		var n uint64
		rate := 0.0
		for _, r := range v.rows {
			n += r.numbers[i]
			rate += max(r.rates[i], 0)
		}
		list = append(list, cell{formatNumber(c, n, f), screen.Dim, false}, rateCell(rate))
	}
	if !some {
		return nil
	}
	return list
}

func formatNumber(c column, n uint64, f Format) string {
	switch {
	case c.signed && f.Exact:
		return strconv.FormatInt(int64(n), 10)
	case c.signed:
		return formatSigned(int64(n))
	case n >= 1<<63:
		return fmt.Sprintf("%#x", n)
	case f.Exact:
		return strconv.FormatUint(n, 10)
	}
	return screen.Count(n)
}

func (v *View) keyText(c column, e Element) string {
	return v.named(c, e.Key, c.number(e.Key), c.text(v.m.Spec, e.Key), e)
}

// valueText returns a column of an element: numbers are summed over CPUs, other columns are those
// of the first CPU whose value is not 0.
func (v *View) valueText(i int, r row, f Format) string {
	c := v.values[i]
	if c.kind == number {
		n := r.numbers[i]
		if v.moments[i] && n != 0 {
			if ago, ok := v.names.Moment(latest(c, r.Element)); ok {
				return formatAgo(ago)
			}
		}
		plain := formatNumber(c, n, f)
		if identifies(c) {
			plain = formatNumber(c, n, Format{Exact: true})
		}
		return v.named(c, nil, n, plain, r.Element)
	}
	if len(r.Values) == 0 {
		return "?"
	}
	value := r.Values[0]
	for _, one := range r.Values {
		if !allZero(one) {
			value = one
			break
		}
	}
	return v.named(c, value, c.number(value), c.text(v.m.Spec, value), r.Element)
}

// named returns the names of what data has in a column, or its text. n is the number there.
func (v *View) named(c column, data []byte, n uint64, text string, e Element) string {
	switch {
	case c.kind == stackID && v.names.Stack != nil && !(c.signed && int32(n) < 0):
		if frames, ok := v.names.Stack(uint32(n), v.process(e)); ok {
			return strings.Join(frames, " < ")
		}
	case c.kind == words && v.names.Function != nil:
		var frames []string
		for _, addr := range c.stack(data) {
			name, ok := v.names.Function(addr)
			if !ok {
				return text
			}
			frames = append(frames, name)
		}
		if len(frames) > 0 {
			return strings.Join(frames, " < ")
		}
	case c.kind == number && c.size == 8 && n >= 1<<63 && v.names.Function != nil:
		if name, ok := v.names.Function(n); ok {
			return name
		}
	}
	return text
}

// leastText is the width to which texts may be cut.
const leastText = 24

// align sets cells below each other. Columns that don't fit into width are left out, and the last
// one that is shown of each line may be cut by the terminal.
func align(rows [][]cell, width int) (lines []screen.Line) {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], screen.Width(c.text))
		}
	}
	// The widest texts are cut, so that the numbers behind them are seen.
	if width > 0 {
		all := 2 * len(widths)
		var texts []int
		for i, w := range widths {
			all += w
			if slices.ContainsFunc(rows, func(r []cell) bool { return i < len(r) && r[i].left }) {
				texts = append(texts, i)
			}
		}
		for all > width && len(texts) > 0 {
			widest := slices.MaxFunc(texts, func(a, b int) int { return widths[a] - widths[b] })
			if widths[widest] <= leastText {
				break
			}
			widths[widest]--
			all--
		}
	}
	for _, row := range rows {
		line, used := screen.Line{}, 0
		for i, c := range row {
			if width > 0 && i > 0 && used+2+widths[i] > width {
				break
			}
			text := screen.Cut(c.text, widths[i])
			gap := widths[i] - screen.Width(text)
			if i > 0 {
				line = line.Add(screen.Plain, "  ")
				used += 2
			}
			if c.left {
				line = line.Add(c.style, text).Add(screen.Plain, strings.Repeat(" ", gap))
			} else {
				line = line.Add(screen.Plain, strings.Repeat(" ", gap)).Add(c.style, text)
			}
			used += widths[i]
		}
		lines = append(lines, line)
	}
	return lines
}

// variables returns the values of the only element one below the other.
func (v *View) variables(f Format) []screen.Line {
	lines := v.heading(1, f)
	if len(v.rows) == 0 || len(v.rows[0].Values) == 0 {
		return lines
	}
	r := v.rows[0]
	var cells [][]cell
	var list []histogram
	var zero []string
	for i, c := range v.values {
		name := strings.TrimSuffix(c.name, ".slots")
		if b, ok := c.bytes(r.Values[0]); ok && allZero(b) {
			zero = append(zero, name)
			continue
		}
		if c.kind == slots {
			list = append(list, newHistogram(screen.Text(screen.Plain, "  "+name),
				v.sumSlots(c, r.Element)))
			continue
		}
		line := []cell{{"  " + c.name, screen.Plain, true},
			{v.valueText(i, r, f), screen.Plain, true}}
		if v.counts(i) {
			line = append(line, rateCell(r.rates[i]))
		}
		cells = append(cells, line)
	}
	lines = append(lines, align(cells, f.Width)...)
	if zero != nil {
		lines = append(lines, screen.Text(screen.Dim, "  "+zeroText(zero)))
	}
	if f.Rows > 0 && len(lines) > f.Rows {
		return append(lines[:f.Rows-1], screen.Text(screen.Dim, "  …"))
	}
	return v.histogramLines(lines, list, f)
}

// slots returns a histogram for each element.
func (v *View) slots(f Format) []screen.Line {
	var list []histogram
	for _, r := range v.rows {
		var label screen.Line
		for _, c := range v.keys {
			label = label.Add(screen.Dim, c.name+" ").Add(screen.Plain,
				v.keyText(c, r.Element)+"  ")
		}
		var counts [][]uint64
		for i, c := range v.values {
			if c.kind == slots {
				counts = append(counts, v.sumSlots(c, r.Element))
			} else if text := v.valueText(i, r, f); text != "0" && text != `""` {
				label = label.Add(screen.Dim, c.name+" ").Add(screen.Plain, text+"  ")
			}
		}
		for _, one := range counts {
			list = append(list, newHistogram(label, one))
		}
	}
	return v.histogramLines(v.heading(len(v.rows), f), list, f)
}

// histogramLines appends histograms to the lines of a map, as many as there are rows for.
func (v *View) histogramLines(lines []screen.Line, list []histogram, f Format) []screen.Line {
	if f.Rows > 0 {
		if f.Rows -= len(lines); f.Rows < 2 {
			return lines
		}
	}
	more, left := beside(list, f)
	lines = append(lines, more...)
	if left > 0 {
		lines = append(lines, screen.Text(screen.Dim, fmt.Sprintf("… %d more", left)))
	}
	return lines
}

func (v *View) sumSlots(c column, e Element) (counts []uint64) {
	for _, value := range e.Values {
		for i, n := range c.counts(v.m.Spec, value) {
			if i == len(counts) {
				counts = append(counts, 0)
			}
			counts[i] += n
		}
	}
	return counts
}

func allZero[T byte | uint64](list []T) bool {
	return !slices.ContainsFunc(list, func(x T) bool { return x != 0 })
}
