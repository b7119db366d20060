package tree

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/purebpf/bpf/internal/screen"
)

// title returns what a place is called.
func (p place) title() string {
	switch p.kind {
	case networkInterface:
		if p.name == removed {
			return "interface that is removed"
		}
		return fmt.Sprintf("%s (%d)", p.name, p.index)
	case netfilter, nowhere:
		return p.kind.String()
	}
	return p.kind.String() + " " + p.name
}

// lines lays the places out. Lines are cut to width columns.
func (f *forest) lines(width int) (lines []screen.Line) {
	table := f.table()
	rows := table.Lines(max(width-stem, 1))[1:]
	for _, b := range f.branches {
		lines = append(lines, screen.Text(screen.Bold, b.title()))
		for i := range b.attached {
			tee := "├─ "
			if i == len(b.attached)-1 {
				tee = "└─ "
			}
			lines = append(lines, append(screen.Text(screen.Dim, tee), rows[0]...))
			rows = rows[1:]
		}
	}
	if len(lines) == 0 {
		lines = append(lines, screen.Text(screen.Plain, "no programs are loaded"))
	}
	return lines
}

// stem is the width of the lines of the tree.
const stem = 3

// table has a row for each attachment, so that the columns of all places are below each other.
func (f *forest) table() *screen.Table {
	t := &screen.Table{Columns: []screen.Column{{}, {Right: true}, {Least: 15}, {Least: 8}}}
	for _, b := range f.branches {
		for _, a := range b.attached {
			id, name := a.program, a.name
			if a.program == 0 {
				id = a.mapID
			}
			if a.note != "" {
				name += " (" + a.note + ")"
			}
			t.Rows = append(t.Rows, []screen.Span{{Text: a.how},
				{Text: strconv.FormatUint(uint64(id), 10), Style: screen.Dim}, {Text: name},
				{Text: a.kept()}})
		}
	}
	return t
}

// kept says what keeps an attachment.
func (a attachment) kept() string {
	text := ""
	if a.link != 0 {
		text = fmt.Sprintf("link %d ", a.link)
	}
	for i, h := range a.holders {
		switch {
		case i > 0:
			text += ", "
		case h.Path == "":
			text += "→ "
		}
		if h.Path != "" {
			text += "pinned "
		}
		text += h.String()
	}
	return text
}

// fitting returns what fits on a terminal, and how much does not.
func (f *forest) fitting(width, height int) []screen.Line {
	lines := f.lines(width)
	for _, err := range f.errs {
		lines = append(lines, screen.Text(screen.Plain, err.Error()))
	}
	if room := height - 1; len(lines) > room && room > 0 {
		rest := len(lines) - room + 1
		lines = append(lines[:room-1],
			screen.Text(screen.Dim, fmt.Sprintf("%d lines more than the terminal has", rest)))
	}
	return lines
}

// equal reports whether two forests show the same.
func (f *forest) equal(g *forest) bool {
	return g != nil && slices.EqualFunc(f.branches, g.branches, func(a, b *branch) bool {
		return a.place == b.place && slices.EqualFunc(a.attached, b.attached,
			func(a, b attachment) bool {
				return slices.Equal(a.holders, b.holders) && a.same(b)
			})
	})
}

// same reports whether all but the holders is the same.
func (a attachment) same(b attachment) bool {
	return a.how == b.how && a.note == b.note && a.program == b.program && a.mapID == b.mapID &&
		a.link == b.link && a.name == b.name
}
