package probe

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// # Places in text
//
// Sections and hooks of the command line name a place as "function+offset". libbpf reads those of
// kprobes with sscanf, whose rest ParseKprobe returns: the names of kernel functions have no '+'.
// Functions of programs may be called "operator+", so there CutOffset looks at the last '+'.

// ParseKprobe reads the text of SEC("kprobe/..."): the name of a function, "+" and an offset
// (decimal, 0x, 0). rest is the text after the name that is no offset.
func ParseKprobe(text string) (symbol string, offset uint64, rest string, err error) {
	symbol, rest = cut(text, isSymbolChar)
	if symbol == "" {
		return "", 0, rest, fmt.Errorf("no function is named: %w", syscall.EINVAL)
	}
	if strings.HasPrefix(rest, "+") {
		number, after := cutNumber(strings.TrimLeft(rest[1:], " \t\n\v\f\r"))
		if number != "" {
			rest = after
			offset, err = parseOffset(number)
		}
	}
	return symbol, offset, rest, err
}

// ParsePattern reads the text of SEC("kprobe.multi/..."): a pattern of names of functions. rest is
// the text after it.
func ParsePattern(text string) (pattern, rest string) {
	return cut(text, func(c rune) bool { return isSymbolChar(c) || c == '*' || c == '?' })
}

// CutOffset splits "function+offset". The text after the last '+' is an offset only if all of it is
// a number (decimal, 0x, 0), so that C++ operators stay.
func CutOffset(text string) (symbol string, offset uint64, err error) {
	i := strings.LastIndexByte(text, '+')
	if i < 0 {
		return text, 0, nil
	}
	number, rest := cutNumber(text[i+1:])
	if number == "" || rest != "" {
		return text, 0, nil
	}
	offset, err = parseOffset(number)
	return text[:i], offset, err
}

// parseOffset reads a C number.
func parseOffset(number string) (uint64, error) {
	offset, err := strconv.ParseInt(number, 0, 64)
	if err != nil {
		return 0, fmt.Errorf("offset %s has more than 63 bits: %w", number, syscall.EINVAL)
	}
	if offset < 0 {
		return 0, fmt.Errorf("offset %s is negative: %w", number, syscall.EINVAL)
	}
	return uint64(offset), nil
}

// cut splits text before the first character that is none of a name.
func cut(text string, of func(rune) bool) (name, rest string) {
	n := strings.IndexFunc(text, func(c rune) bool { return !of(c) })
	if n < 0 {
		return text, ""
	}
	return text[:n], text[n:]
}

// isSymbolChar reports whether c may be in the name of a kernel function, as libbpf reads SEC().
func isSymbolChar(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' ||
		c == '.'
}

// cutNumber splits a C number (optional sign, prefix 0x or 0) off the start of s, "" if there is
// none.
func cutNumber(s string) (number, rest string) {
	i := 0
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	digits := "0123456789"
	switch {
	case len(s) > i+2 && s[i] == '0' && (s[i+1] == 'x' || s[i+1] == 'X') &&
		strings.IndexByte("0123456789abcdefABCDEF", s[i+2]) >= 0:
		digits, i = "0123456789abcdefABCDEF", i+2
	case len(s) > i && s[i] == '0':
		digits = "01234567"
	}
	start := i
	for i < len(s) && strings.IndexByte(digits, s[i]) >= 0 {
		i++
	}
	if i == start {
		return "", s
	}
	return s[:i], s[i:]
}
