// Package printable shows text of unknown origin on terminals. Names and strings from objects,
// kernels and files may contain anything: escape sequences for the terminal, newlines that split a
// line, characters that reverse the direction of text. Characters that do not print are escaped as
// in Go strings: \x1b, \n, \u202e; a byte that is not UTF-8 as \xff. Printable text stays as it is,
// backslashes too: the result is for people and cannot be parsed.
package printable

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Text returns s in one line: newlines and tabs are escaped as well. It is for names and values.
func Text(s string) string { return escape(s, false) }

// Lines returns s with its newlines and tabs unescaped. It is for text of several lines, such as
// the verifier's log.
func Lines(s string) string { return escape(s, true) }

// AppendText appends what Text returns.
func AppendText(b []byte, s string) []byte { return appendEscaped(b, s, false) }

// Tail escapes the part of b after its first n bytes.
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

// clean returns the number of bytes at the start of s that need no escape.
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
// semicolons, everything else that does not print is escaped. It returns "" for nil.
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

// Parts returns the errors that errors.Join combined. ok is false for any other error, also for one
// that wraps several.
func Parts(err error) (parts []error, ok bool) {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil, false
	}
	parts = several.Unwrap()
	return parts, len(parts) > 0 && errors.Join(parts...).Error() == err.Error()
}
