// Package screen shows, on a terminal, text that scrolls, and below it some lines that are redrawn
// in place.
package screen

import (
	"bytes"
	"io"
	"strconv"
	"sync"
)

// Screen is the lower end of a terminal. Its methods may be called concurrently.
type Screen struct {
	out     io.Writer
	size    func() (columns, rows int)
	colours bool

	mu    sync.Mutex
	live  []Line
	drawn []int  // the columns of each live line on the terminal
	rest  []byte // of an incomplete line
	buf   []byte
	err   error // the first failure to write
}

// New returns a screen on a terminal. size returns the terminal's size, which may change.
func New(out io.Writer, size func() (columns, rows int), colours bool) *Screen {
	return &Screen{out: out, size: size, colours: colours}
}

// Size returns the terminal's size.
func (s *Screen) Size() (columns, rows int) { return s.size() }

// Terminals that know these show all that is between them at once.
const (
	begin = "\x1b[?2026h"
	end   = "\x1b[?2026l"
)

// Write prints text above the live lines. What follows the last newline waits for its own.
func (s *Screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	s.rest = append(s.rest, text...)
	whole := bytes.LastIndexByte(s.rest, '\n') + 1
	if whole == 0 {
		return len(text), nil
	}
	b := s.erase(append(s.buf[:0], begin...))
	b = append(b, s.rest[:whole]...)
	s.rest = append(s.rest[:0], s.rest[whole:]...)
	return len(text), s.flush(append(s.draw(b), end...))
}

// Draw replaces the live lines. Lines wider than the terminal are cut, as are lines at the end if
// they are more than it has.
func (s *Screen) Draw(lines []Line) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	b := s.erase(append(s.buf[:0], begin...))
	s.live = lines
	return s.flush(append(s.draw(b), end...))
}

// Close leaves the live lines where they are, and the cursor below them.
func (s *Screen) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && len(s.rest) > 0 {
		b := append(s.erase(s.buf[:0]), s.rest...)
		s.rest = nil
		s.flush(s.draw(append(b, '\n')))
	}
	s.live, s.drawn = nil, nil
	return s.err
}

// erase moves the cursor to the first live line, and clears from there. A terminal that has become
// narrower has broken the lines.
func (s *Screen) erase(b []byte) []byte {
	columns, _ := s.size()
	up := 0
	for _, width := range s.drawn {
		up += max((width+columns-1)/max(columns, 1), 1)
	}
	if up > 0 {
		b = append(b, "\r\x1b["...)
		b = strconv.AppendInt(b, int64(up), 10)
		b = append(b, "A\x1b[J"...)
	}
	s.drawn = s.drawn[:0]
	return b
}

func (s *Screen) draw(b []byte) []byte {
	columns, rows := s.size()
	for _, l := range s.live[:min(len(s.live), max(rows-1, 0))] {
		b = append(l.append(b, columns, s.colours), '\n')
		s.drawn = append(s.drawn, min(l.Width(), columns))
	}
	return b
}

func (s *Screen) flush(b []byte) error {
	s.buf = b
	_, s.err = s.out.Write(b)
	return s.err
}
