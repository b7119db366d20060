// Package printable shows text of unknown origin on terminals. Names and strings of objects,
// kernels and files may hold anything: escape sequences that a terminal obeys, newlines that make a
// second line of one, characters that turn what follows around. What can't be printed is shown as
// Go writes it in a string: \x1b, \n, \u202e; a byte that is no UTF-8 as \xff. Printable text stays
// as it is, backslashes too: it is for people, and can't be read back.
package printable

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Text is s in one line: newlines and tabs are escaped as well. For names and values.
func Text(s string) string { return escape(s, false) }

// Lines is s with its newlines and tabs as they are. For what has lines of its own, such as the
// verifier's log.
func Lines(s string) string { return escape(s, true) }

// AppendText appends what Text returns.
func AppendText(b []byte, s string) []byte { return appendEscaped(b, s, false) }

// Tail escapes what was appended to b behind its first n bytes.
func Tail(b []byte, n int) []byte {
	tail := b[n:]
	if clean(unsafe.String(unsafe.SliceData(tail), len(tail)), false) == len(tail) {
		return b
	}
	return appendEscaped(b[:n], string(tail), false)
}

func escape(s string, lines bool) string {
	if clean(s, lines) == len(s) {
		return s
	}
	return string(appendEscaped(make([]byte, 0, len(s)+16), s, lines))
}

func appendEscaped(b []byte, s string, lines bool) []byte {
	for {
		n := clean(s, lines)
		b, s = append(b, s[:n]...), s[n:]
		if s == "" {
			return b
		}
		_, size := utf8.DecodeRuneInString(s)
		quoted := strconv.Quote(s[:size])
		b, s = append(b, quoted[1:len(quoted)-1]...), s[size:]
	}
}

// clean returns how many bytes of s, from its start, are printed as they are.
func clean(s string, lines bool) int {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= ' ' && c < 0x7f || lines && (c == '\n' || c == '\t'):
			i++
			continue
		case c < utf8.RuneSelf:
			return i
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || !strconv.IsPrint(r) {
			return i
		}
		i += size
	}
	return len(s)
}

// Error returns the text of err in one line: the errors of an errors.Join are separated by
// semicolons, everything else that doesn't print is escaped. "" for nil.
func Error(err error) string {
	if err == nil {
		return ""
	}
	return Text(joined(err, err.Error()))
}

// joined replaces the newlines that errors.Join put between texts, anywhere in the tree of err.
func joined(err error, text string) string {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return within(text, inner)
		}
	case interface{ Unwrap() []error }:
		list := e.Unwrap()
		if parts, ok := Parts(err); ok {
			texts := make([]string, len(parts))
			for i, part := range parts {
				texts[i] = joined(part, part.Error())
			}
			return strings.Join(texts, "; ")
		}
		for _, inner := range list {
			if inner != nil {
				text = within(text, inner)
			}
		}
	}
	return text
}

func within(text string, inner error) string {
	was := inner.Error()
	if now := joined(inner, was); now != was {
		return strings.Replace(text, was, now, 1)
	}
	return text
}

// Parts returns the errors that errors.Join made one of. ok is false for any other error, also for
// one that wraps several.
func Parts(err error) (parts []error, ok bool) {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil, false
	}
	parts = several.Unwrap()
	return parts, len(parts) > 0 && errors.Join(parts...).Error() == err.Error()
}
