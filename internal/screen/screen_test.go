package screen

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hinshun/vt10x"
)

// emulator is a terminal: vt10x is the oracle for what escape sequences do.
type emulator struct{ vt10x.Terminal }

func newEmulator(columns, rows int) emulator {
	return emulator{vt10x.New(vt10x.WithSize(columns, rows))}
}

// Write does what the line discipline does to newlines.
func (e emulator) Write(b []byte) (int, error) {
	e.Terminal.Write([]byte(strings.ReplaceAll(string(b), "\n", "\r\n")))
	return len(b), nil
}

func (e emulator) text() string {
	var lines []string
	for line := range strings.Lines(e.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func (e emulator) want(t *testing.T, lines ...string) {
	t.Helper()
	if got, want := e.text(), strings.Join(lines, "\n"); got != want {
		t.Errorf("the terminal shows\n%s\nwant\n%s", got, want)
	}
}

func texts(lines ...string) (all []Line) {
	for i, l := range lines {
		all = append(all, Text(Style(i%len(codes)), l))
	}
	return all
}

// TestScreen: lines that scroll, and lines that are redrawn. Oracle: a terminal emulator.
func TestScreen(t *testing.T) {
	e := newEmulator(20, 6)
	s := New(e, e.Size, true)
	fmt.Fprintf(s, "first\nsec")
	s.Draw(texts("live 1", "live 2"))
	e.want(t, "first", "live 1", "live 2")
	fmt.Fprintf(s, "ond\n")
	e.want(t, "first", "second", "live 1", "live 2")
	s.Draw(texts("only one"))
	e.want(t, "first", "second", "only one")
	for i := range 5 {
		fmt.Fprintf(s, "line %d\n", i)
	}
	e.want(t, "line 1", "line 2", "line 3", "line 4", "only one")
	fmt.Fprintf(s, "no newline")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	e.want(t, "line 2", "line 3", "line 4", "no newline", "only one")
	fmt.Fprintf(e, "shell")
	e.want(t, "line 2", "line 3", "line 4", "no newline", "only one", "shell")
}

// TestScreenCuts: what is wider or higher than the terminal is cut, wide characters count twice,
// and control characters don't reach it.
func TestScreenCuts(t *testing.T) {
	e := newEmulator(10, 4)
	s := New(e, e.Size, false)
	s.Draw(texts("0123456789", "0123456789a", "日本日本日本", "\x1b[31mred", "not shown"))
	e.want(t, "0123456789", "012345678…", "日本日本…")
	s.Draw(texts("\x1b[31m\n"))
	e.want(t, `\x1b[31m\n`)
}

// TestScreenResize: after the terminal became narrower, nothing of the old lines is left.
func TestScreenResize(t *testing.T) {
	e := newEmulator(40, 8)
	s := New(e, e.Size, true)
	fmt.Fprintf(s, "above\n")
	s.Draw(texts(strings.Repeat("x", 40), "y"))
	// vt10x doesn't break lines anew, as many terminals do: this is what they would show.
	e = newEmulator(20, 8)
	fmt.Fprintf(e, "above\n%s\n%s\ny\n", strings.Repeat("x", 20), strings.Repeat("x", 20))
	s.out, s.size = e, e.Size
	s.Draw(texts("z"))
	e.want(t, "above", "z")
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

// TestScreenBroken: a failure to write is returned, by all later calls as well.
func TestScreenBroken(t *testing.T) {
	s := New(broken{}, func() (int, int) { return 80, 24 }, true)
	if err := s.Draw(texts("x")); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if _, err := fmt.Fprintln(s, "x"); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if err := s.Close(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
