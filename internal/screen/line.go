package screen

import (
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/purebpf/bpf/internal/printable"
)

// Style says what a piece of text is, not how it looks.
type Style uint8

const (
	Plain  Style = iota
	Dim          // headings of columns, remarks
	Bold         // names of what follows
	Active       // a number that changes
)

var codes = [...]string{Plain: "", Dim: "\x1b[2m", Bold: "\x1b[1m", Active: "\x1b[32m"}

const reset = "\x1b[0m"

// Span is text of one style. Characters that do not print are escaped when it is shown.
type Span struct {
	Text  string
	Style Style
}

// Line is one line of the screen.
type Line []Span

// Text returns a line of one style.
func Text(style Style, text string) Line { return Line{{text, style}} }

// Add returns the line with more text.
func (l Line) Add(style Style, text string) Line { return append(l, Span{text, style}) }

// Width returns the columns that text takes on a terminal.
func Width(text string) int { return runewidth.StringWidth(printable.Text(text)) }

// Width returns the columns that the line takes.
func (l Line) Width() (n int) {
	for _, s := range l {
		n += Width(s.Text)
	}
	return n
}

// String returns the line without styles.
func (l Line) String() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(printable.Text(s.Text))
	}
	return strings.TrimRight(b.String(), " ")
}

// Fit returns the line, cut to width columns or filled up with spaces.
func (l Line) Fit(width int) Line {
	return l.cut(width).Add(Plain, strings.Repeat(" ", max(width-l.Width(), 0)))
}

// cut returns the line, cut to width columns, with its characters escaped.
func (l Line) cut(width int) Line {
	wide := l.Width() > width
	if wide {
		width-- // for the ellipsis
	}
	var short Line
	for _, s := range l {
		text := printable.Text(s.Text)
		if wide {
			text = runewidth.Truncate(text, width, "")
		}
		width -= runewidth.StringWidth(text)
		short = short.Add(s.Style, text)
	}
	if wide {
		short = short.Add(Plain, "…")
	}
	return short
}

// append appends the line, cut to width columns.
func (l Line) append(b []byte, width int, colours bool) []byte {
	for _, s := range l.cut(width) {
		if code := codes[s.Style]; code != "" && colours && s.Text != "" {
			b = append(append(append(b, code...), s.Text...), reset...)
		} else {
			b = append(b, s.Text...)
		}
	}
	return b
}

// Cut returns text, shortened to width columns if it is wider.
func Cut(text string, width int) string {
	if Width(text) <= width {
		return text
	}
	return runewidth.Truncate(printable.Text(text), width, "…")
}
