package printable

import (
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON writes JSON documents with characters that do not print escaped as JSON escapes: \u202e. A
// byte that is not UTF-8 becomes \ufffd, since JSON has no bytes. Each Write is a whole document.
type JSON struct{ To io.Writer }

// Write writes a document.
func (j JSON) Write(doc []byte) (int, error) {
	if _, err := j.To.Write(appendJSON(make([]byte, 0, len(doc)), doc)); err != nil {
		return 0, err
	}
	return len(doc), nil
}

// appendJSON escapes within strings: outside of them valid JSON needs no escapes.
func appendJSON(b, doc []byte) []byte {
	for len(doc) > 0 {
		r, size := utf8.DecodeRune(doc)
		switch {
		case r == '\n' || r == '\t' || r == '\r' || r != utf8.RuneError && strconv.IsPrint(r):
			b = append(b, doc[:size]...)
		case r < 0x10000:
			b = appendUnit(b, r)
		default:
			high, low := utf16.EncodeRune(r)
			b = appendUnit(appendUnit(b, high), low)
		}
		doc = doc[size:]
	}
	return b
}

func appendUnit(b []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}
