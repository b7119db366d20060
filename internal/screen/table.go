package screen

import "strings"

// Column is a column of a Table.
type Column struct {
	Title string
	Right bool // numbers
	// Least is the least width to which the column is cut if the terminal is narrow; 0 for columns
	// that are not cut.
	Least int
}

// Table is text in columns, each as wide as its widest cell.
type Table struct {
	Columns []Column
	Rows    [][]Span // a cell for each column
}

// gap is the space between columns.
const gap = 2

// Lines returns the heading and the rows. Columns are cut, the last ones first, if they are wider
// than width.
func (t *Table) Lines(width int) []Line {
	widths := make([]int, len(t.Columns))
	total := -gap
	for i, c := range t.Columns {
		widths[i] = Width(c.Title)
		for _, row := range t.Rows {
			widths[i] = max(widths[i], Width(row[i].Text))
		}
		total += widths[i] + gap
	}
	for i := len(widths) - 1; i >= 0 && total > width; i-- {
		if c := t.Columns[i]; c.Least > 0 {
			cut := min(total-width, max(widths[i]-max(c.Least, Width(c.Title)), 0))
			widths[i] -= cut
			total -= cut
		}
	}
	titles := make([]Span, len(t.Columns))
	for i, c := range t.Columns {
		titles[i] = Span{c.Title, Dim}
	}
	lines := []Line{t.line(titles, widths)}
	for _, row := range t.Rows {
		lines = append(lines, t.line(row, widths))
	}
	return lines
}

func (t *Table) line(cells []Span, widths []int) (l Line) {
	for i, cell := range cells {
		text := Cut(cell.Text, widths[i])
		space := strings.Repeat(" ", max(widths[i]-Width(text), 0))
		if t.Columns[i].Right {
			l = l.Add(Plain, space).Add(cell.Style, text)
		} else if l = l.Add(cell.Style, text); i < len(cells)-1 {
			l = l.Add(Plain, space)
		}
		if i < len(cells)-1 {
			l = l.Add(Plain, strings.Repeat(" ", gap))
		}
	}
	return l
}
