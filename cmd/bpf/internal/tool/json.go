package tool

import (
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/purebpf/bpf/internal/printable"
)

// JSON writes one JSON document as it is made, compact or indented as bpftool indents. The document
// is valid whatever names are in it: characters that do not print are escaped, and a byte that is
// not UTF-8 becomes \ufffd. Failures to write are kept for Close.
type JSON struct {
	to      io.Writer
	pretty  bool
	buf     []byte
	open    []byte // the closing brackets of what is open
	more    bool   // a comma precedes the next value
	named   bool   // the value of a key comes next
	started bool
	ended   bool // a document has ended
	err     error
}

// flushAt is how much text is written at once.
const flushAt = 64 << 10

// NewJSON returns a JSON that writes to w.
func NewJSON(w io.Writer, pretty bool) *JSON { return &JSON{to: w, pretty: pretty} }

// value begins a value.
func (j *JSON) value() {
	if len(j.buf) >= flushAt {
		j.Flush()
	}
	if j.more {
		j.buf = append(j.buf, ',')
	}
	j.more, j.named, j.started = true, false, true
}

func (j *JSON) begin(open, end byte) {
	j.value()
	j.buf = append(j.buf, open)
	j.open = append(j.open, end)
	j.more = false
}

func (j *JSON) end() {
	last := len(j.open) - 1
	bracket := j.open[last]
	j.open = j.open[:last]
	if j.more {
		j.line()
	}
	j.buf = append(j.buf, bracket)
	j.more = true
}

// line begins an indented line.
func (j *JSON) line() {
	if !j.pretty {
		return
	}
	j.buf = append(j.buf, '\n')
	for range j.open {
		j.buf = append(j.buf, "    "...)
	}
}

// Object begins an object, EndObject ends it.
func (j *JSON) Object() { j.begin('{', '}') }

// EndObject ends an object.
func (j *JSON) EndObject() { j.end() }

// Array begins an array, EndArray ends it.
func (j *JSON) Array() { j.begin('[', ']') }

// EndArray ends an array.
func (j *JSON) EndArray() { j.end() }

// Key writes the key of the value that follows.
func (j *JSON) Key(name string) {
	if j.more {
		j.buf = append(j.buf, ',')
	}
	j.line()
	j.buf = append(appendString(j.buf, name), ':')
	if j.pretty {
		j.buf = append(j.buf, ' ')
	}
	j.more, j.named = false, true
}

// String writes a string.
func (j *JSON) String(s string) {
	j.value()
	j.buf = appendString(j.buf, s)
}

// Uint writes a number.
func (j *JSON) Uint(n uint64) {
	j.value()
	j.buf = strconv.AppendUint(j.buf, n, 10)
}

// Int writes a number.
func (j *JSON) Int(n int64) {
	j.value()
	j.buf = strconv.AppendInt(j.buf, n, 10)
}

// Float writes a number with three digits after the point.
func (j *JSON) Float(f float64) {
	j.value()
	j.buf = strconv.AppendFloat(j.buf, f, 'f', 3, 64)
}

// Bool writes true or false.
func (j *JSON) Bool(b bool) {
	j.value()
	j.buf = strconv.AppendBool(j.buf, b)
}

// Null writes null.
func (j *JSON) Null() {
	j.value()
	j.buf = append(j.buf, "null"...)
}

// Bytes writes bytes as bpftool does: an array of strings such as "0x0a".
func (j *JSON) Bytes(bytes []byte) {
	const digits = "0123456789abcdef"
	j.Array()
	for _, b := range bytes {
		j.value()
		j.buf = append(j.buf, '"', '0', 'x', digits[b>>4], digits[b&15], '"')
	}
	j.EndArray()
}

// Raw writes a value that is JSON already, without characters that do not print.
func (j *JSON) Raw(doc []byte) {
	j.value()
	j.buf = append(j.buf, doc...)
}

// StringKey writes a key and a string.
func (j *JSON) StringKey(key, s string) {
	j.Key(key)
	j.String(s)
}

// UintKey writes a key and a number.
func (j *JSON) UintKey(key string, n uint64) {
	j.Key(key)
	j.Uint(n)
}

// IntKey writes a key and a number.
func (j *JSON) IntKey(key string, n int64) {
	j.Key(key)
	j.Int(n)
}

// BoolKey writes a key and true or false.
func (j *JSON) BoolKey(key string, b bool) {
	j.Key(key)
	j.Bool(b)
}

// Fail writes an error where the document is, {"error": text}, and ends the document.
func (j *JSON) Fail(text string) {
	switch {
	case j.started && len(j.open) == 0: // after its end: a document of its own
		j.buf = append(j.buf, '\n')
		j.more = false
	case len(j.open) > 0 && j.open[len(j.open)-1] == '}' && !j.named:
		j.StringKey("error", text)
		j.finish()
		return
	}
	j.Object()
	j.StringKey("error", text)
	j.EndObject()
	j.finish()
}

// finish ends everything that is open.
func (j *JSON) finish() {
	for len(j.open) > 0 {
		j.end()
	}
}

// Line ends a document, and the line that it is on. Another document may follow.
func (j *JSON) Line() {
	j.buf = append(j.buf, '\n')
	j.more, j.started, j.ended = false, false, true
}

// Flush writes what is held back.
func (j *JSON) Flush() {
	if j.err == nil && len(j.buf) > 0 {
		_, j.err = j.to.Write(j.buf)
	}
	j.buf = j.buf[:0]
}

// Close ends the document, which is null if nothing was written, and returns the first failure to
// write.
func (j *JSON) Close() error {
	if !j.started && !j.ended {
		j.Null()
	}
	if j.started {
		j.finish()
		j.buf = append(j.buf, '\n')
	}
	j.Flush()
	return j.err
}

// appendString appends s as a JSON string.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f {
			if c == '"' || c == '\\' {
				b = append(b, '\\')
			}
			b = append(b, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		b = appendRune(b, r, s[i:i+size])
		i += size
	}
	return append(b, '"')
}

func appendRune(b []byte, r rune, text string) []byte {
	switch {
	case r == '\n':
		return append(b, `\n`...)
	case r == '\t':
		return append(b, `\t`...)
	case r == '\r':
		return append(b, `\r`...)
	case r != utf8.RuneError && printable.Text(text) == text:
		return append(b, text...)
	case r < 0x10000:
		return appendUnit(b, r)
	}
	high, low := utf16.EncodeRune(r)
	return appendUnit(appendUnit(b, high), low)
}

func appendUnit(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}
