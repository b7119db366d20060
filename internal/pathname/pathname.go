// Package pathname checks names that may become part of a path. Names of maps, programs,
// tracepoints and modules come from objects and kernels; an object may call a map "../other".
package pathname

import (
	"errors"
	"strconv"
	"unicode/utf8"
)

// Max is the maximum length of a name in a directory, in bytes (NAME_MAX).
const Max = 255

// Check returns an error if name cannot be one element of a path. The error does not repeat the
// name.
func Check(name string) error {
	switch {
	case name == "":
		return errors.New("an empty name can't be part of a path")
	case name == "." || name == "..":
		return errors.New("the name of a directory itself can't be part of a path")
	case len(name) > Max:
		return errors.New("a name of more than " + strconv.Itoa(Max) +
			" bytes can't be part of a path")
	}
	for rest := name; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case r == '/':
			return errors.New("a name with a slash can't be part of a path")
		case r == utf8.RuneError && size == 1 || !strconv.IsPrint(r):
			return errors.New("a name with " + strconv.QuoteToASCII(rest[:size]) +
				" can't be part of a path")
		}
		rest = rest[size:]
	}
	return nil
}
