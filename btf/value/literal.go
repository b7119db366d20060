package value

import (
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parseInteger parses an integer in Go's notation or C's, which may end in u, l, ul, ll and so on.
func parseInteger(text string) (*big.Int, bool) {
	digits := strings.TrimRight(text, "uUlL")
	switch strings.ToLower(text[len(digits):]) {
	case "", "u", "l", "ul", "lu", "ll", "ull", "llu":
		return new(big.Int).SetString(digits, 0)
	}
	return nil, false
}

// withoutFloatSuffix removes C's f or l behind a floating-point number.
func withoutFloatSuffix(text string) string {
	if number := strings.TrimRight(text, "fFlL"); len(number) == len(text)-1 &&
		strings.ContainsAny(number[max(len(number)-1, 0):], "0123456789.") &&
		!strings.ContainsAny(number, "xX") {
		return number
	}
	return text
}

// unquote returns the bytes of a text in quotes, with C's escapes.
func unquote(text string, quote byte) ([]byte, bool) {
	if len(text) < 2 || text[0] != quote || text[len(text)-1] != quote {
		return nil, false
	}
	rest, out := text[1:len(text)-1], []byte{}
	for rest != "" {
		c := rest[0]
		rest = rest[1:]
		if c == quote || c == '\n' {
			return nil, false
		}
		if c != '\\' {
			out = append(out, c)
			continue
		}
		var ok bool
		if out, rest, ok = appendEscape(out, rest); !ok {
			return nil, false
		}
	}
	return out, true
}

const (
	simpleEscapes = `abefnrtv\'"?`
	simpleBytes   = "\a\b\x1b\f\n\r\t\v\\'\"?"
)

// appendEscape appends what an escape stands for; rest begins behind its backslash.
func appendEscape(out []byte, rest string) (dst []byte, after string, ok bool) {
	if rest == "" {
		return out, rest, false
	}
	if i := strings.IndexByte(simpleEscapes, rest[0]); i >= 0 {
		return append(out, simpleBytes[i]), rest[1:], true
	}
	base, digits, most := 16, rest[1:], 0
	switch rest[0] {
	case 'x':
		most = len(digits) // C takes all that follow
	case 'u':
		most = 4
	case 'U':
		most = 8
	default:
		base, digits, most = 8, rest, 3
	}
	n := 0
	for n < min(most, len(digits)) && isDigit(digits[n], base) {
		n++
	}
	code, err := strconv.ParseUint(digits[:n], base, 32)
	after = digits[n:]
	if rest[0] == 'u' || rest[0] == 'U' {
		valid := err == nil && n == most && utf8.ValidRune(rune(code))
		return utf8.AppendRune(out, rune(code)), after, valid
	}
	return append(out, byte(code)), after, err == nil && code <= 0xff
}

func isDigit(c byte, base int) bool {
	if base == 8 {
		return '0' <= c && c <= '7'
	}
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}
