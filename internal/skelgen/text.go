package skelgen

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// text is the skeleton as written so far. What would exceed room is left out, and full is set.
type text struct {
	b    []byte
	room int
	full bool
}

func (t *text) f(format string, args ...any) {
	if len(t.b) > t.room {
		t.full = true
		return
	}
	t.b = fmt.Appendf(t.b, format, args...)
}

// row is a line in a block whose columns are aligned.
type row struct {
	cells   [3]string // the last ones may be ""
	comment string
}

// rows writes lines with one tab before each, aligned as gofmt does it: columns end where a line
// has none, and comments are a column, too.
func (t *text) rows(list []row) {
	for first := 0; first < len(list); {
		end := first + 1
		for end < len(list) && (list[end].cells[1] == "") == (list[first].cells[1] == "") {
			end++
		}
		t.block(list[first:end])
		first = end
	}
}

// block writes rows that all have the same cells.
func (t *text) block(list []row) {
	name := width(list, 0)
	for first := 0; first < len(list); {
		end := first
		for end < len(list) && list[end].comment == "" {
			end++
		}
		for _, r := range list[first:end] {
			t.line(r, name, nil)
		}
		first = end
		for end < len(list) && list[end].comment != "" {
			end++
		}
		widths := []int{width(list[first:end], 1), width(list[first:end], 2)}
		for _, r := range list[first:end] {
			t.line(r, name, widths)
		}
		first = end
	}
}

func width(list []row, cell int) int {
	most := 0
	for _, r := range list {
		most = max(most, utf8.RuneCountInString(r.cells[cell]))
	}
	return most
}

// line writes a row: its first cell gets the width name if a second follows, the others those of
// widths if a comment follows.
func (t *text) line(r row, name int, widths []int) {
	line := "\t" + r.cells[0]
	if r.cells[1] != "" {
		line = pad(line, r.cells[0], name) + " " + r.cells[1]
		if r.cells[2] != "" {
			if widths != nil {
				line = pad(line, r.cells[1], widths[0])
			}
			line += " " + r.cells[2]
		}
	}
	if r.comment != "" {
		switch {
		case r.cells[2] != "":
			line = pad(line, r.cells[2], widths[1])
		case r.cells[1] != "":
			line = pad(line, r.cells[1], widths[0])
		default:
			line = pad(line, r.cells[0], name)
		}
		line += " // " + r.comment
	}
	t.f("%s\n", line)
}

func pad(line, cell string, width int) string {
	return line + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(cell)))
}

// clean makes text of the object fit for a comment: one line that prints, cut at n bytes. gofmt
// makes other characters of two backquotes and of two apostrophes.
func clean(s string, n int) string {
	plain := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) || r == '`' {
			return '?'
		}
		return r
	}, s[:min(len(s), n+1)])
	if len(s) > n {
		plain = plain[:min(len(plain), n)]
		for !utf8.ValidString(plain) {
			plain = plain[:len(plain)-1]
		}
		plain += "..."
	}
	return strings.TrimSpace(strings.ReplaceAll(plain, "''", "'?"))
}

// plural returns "1 byte", "2 bytes".
func plural(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "y") {
		return fmt.Sprintf("%d %sies", n, what[:len(what)-1])
	}
	return fmt.Sprintf("%d %ss", n, what)
}
