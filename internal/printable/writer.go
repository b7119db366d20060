package printable

import (
	"io"
	"unicode/utf8"
	"unsafe"
)

// Writer writes text to a terminal and escapes what Lines would escape. It is the last safety net:
// names and values are escaped where they become text, because Writer cannot tell a newline in a
// name from any other. It is not safe for concurrent use.
type Writer struct {
	to   io.Writer
	part []byte // the start of a character that continues in the next write
}

// NewWriter returns a Writer to w. The caller flushes it at the end.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w} }

// Write writes p. If a write fails, it is not known how much of p was written: Write returns 0.
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

// Unwrap returns the writer that it writes to.
func (w *Writer) Unwrap() io.Writer { return w.to }

// Flush writes the pending start of a character.
func (w *Writer) Flush() error {
	part := w.part
	w.part = nil
	return w.write(part)
}

func (w *Writer) write(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if clean(unsafe.String(&text[0], len(text)), true) < len(text) {
		text = appendEscaped(make([]byte, 0, len(text)+16), string(text), true)
	}
	_, err := w.to.Write(text)
	return err
}

// unfinished returns the number of bytes at the end of p that are the start of a character.
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
