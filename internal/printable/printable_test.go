package printable

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"
)

var hostile = []string{"", "plain", `back\slash "quoted"`, "größe 名前 é", "\x1b]0;x\a", "two\nlines",
	"a\tb\r\n", "\x7f", "\u0085", "\u009b31m",
	"\u202eevil", "\u2028", "\u00a0", "\u200d", "\ufeff", "\U000e0041", "\xff\xfe", "\xc2",
	"\xe2\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\ufffd", "\x00"}

// plainText reports whether everything in s is printable. The oracle is package unicode.
func plainText(s string, lines bool) bool {
	if !utf8.ValidString(s) {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsPrint(r) && !(lines && (r == '\n' || r == '\t'))
	}) < 0
}

func TestText(t *testing.T) {
	for _, s := range hostile {
		s = "<" + s + ">"
		text, lines := Text(s), Lines(s)
		if !plainText(text, false) || string(AppendText(nil, s)) != text {
			t.Errorf("%q: text %q", s, text)
		}
		if !plainText(lines, true) || strings.Count(lines, "\n") != strings.Count(s, "\n") {
			t.Errorf("%q: lines %q", s, lines)
		}
		if plainText(s, false) && text != s || plainText(s, true) && lines != s {
			t.Errorf("%q is printable, and becomes %q, %q", s, text, lines)
		}
	}
	if n := testing.AllocsPerRun(10, func() { Text("an everyday name, größe") }); n > 0 {
		t.Errorf("%v allocations for printable text", n)
	}
}

// TestWriter checks that the output does not depend on how the text is divided into writes.
func TestWriter(t *testing.T) {
	whole := strings.Join(hostile, "|")
	for size := 1; size <= 7; size++ {
		var out bytes.Buffer
		w := NewWriter(&out)
		for rest := whole; rest != ""; {
			n := min(size, len(rest))
			if m, err := w.Write([]byte(rest[:n])); m != n || err != nil {
				t.Fatal(m, err)
			}
			rest = rest[n:]
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if out.String() != Lines(whole) {
			t.Errorf("in pieces of %d: %q, want %q", size, out.String(), Lines(whole))
		}
	}
	var cut bytes.Buffer
	w := NewWriter(&cut)
	w.Write([]byte("a\xe2\x80"))
	if w.Flush(); cut.String() != `a\xe2\x80` {
		t.Errorf("cut off: %q", cut.String())
	}
	if _, err := NewWriter(iotest.TruncateWriter(nil, 0)).Write(nil); err != nil {
		t.Error(err)
	}
}

type failing struct{}

var errFull = errors.New("full")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestWriterFails(t *testing.T) {
	if n, err := NewWriter(failing{}).Write([]byte("text")); n != 0 || !errors.Is(err, errFull) {
		t.Error(n, err)
	}
}

func TestError(t *testing.T) {
	one, two := errors.New("one\nforged"), errors.New("two")
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{two, "two"},
		{one, `one\nforged`},
		{errors.Join(one, two), `one\nforged; two`},
		{fmt.Errorf("a\nb: %w", errors.Join(two, errors.Join(two, one))),
			`a\nb: two; two; one\nforged`},
		{fmt.Errorf("%w: %w", two, errors.Join(one, two)), `two: one\nforged; two`},
		{errors.Join(one), `one\nforged`},
	} {
		if got := Error(c.err); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if parts, ok := Parts(errors.Join(one, two)); !ok || len(parts) != 2 {
		t.Error(parts, ok)
	}
	if _, ok := Parts(fmt.Errorf("%w and %w", one, two)); ok {
		t.Error("not joined")
	}
}
