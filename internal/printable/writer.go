package printable

import (
	"io"
	"unicode/utf8"
)

// Writer writes text to a terminal: what Lines would escape is escaped. It is the last net; what
// comes of somebody else's name or value is escaped where it becomes text, because here a newline
// of a name looks like any other. Not for concurrent use.
type Writer struct {
	to   io.Writer
	part []byte // the start of a character whose end comes with the next write
}

// NewWriter returns a Writer to w. The caller flushes it at the end.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w} }

// Write writes p. What a failed write wrote of p is not known: it says 0.
func (w *Writer) Write(p []byte) (int, error) {
	text := p
	if len(w.part) > 0 {
		text = append(w.part, p...)
	}
	whole := len(text) - unfinished(text)
	w.part = append([]byte(nil), text[whole:]...)
	if err := w.write(text[:whole]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what looked like the start of a character.
func (w *Writer) Flush() error {
	part := w.part
	w.part = nil
	return w.write(part)
}

func (w *Writer) write(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	_, err := io.WriteString(w.to, Lines(string(text)))
	return err
}

// unfinished returns how many bytes at the end of p are the start of a character.
func unfinished(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if tail := p[len(p)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}
