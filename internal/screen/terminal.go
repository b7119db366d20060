package screen

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Terminal returns the terminal that a command's output is written to, nil if it is none.
func Terminal(w io.Writer) *os.File {
	for {
		switch to := w.(type) {
		case interface{ Unwrap() io.Writer }:
			w = to.Unwrap()
		case *os.File:
			if term.IsTerminal(int(to.Fd())) {
				return to
			}
			return nil
		default:
			return nil
		}
	}
}

// SizeOf returns the size of a terminal. Some don't know theirs.
func SizeOf(f *os.File) (columns, rows int) {
	columns, rows, err := term.GetSize(int(f.Fd()))
	if err != nil || columns <= 0 || rows <= 0 {
		return 80, 24
	}
	return columns, rows
}

// Colours reports whether output may have colours (https://no-color.org).
func Colours() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }
