package btf

import (
	"strings"
	"testing"
)

// TestExtBare edits line information that wasn't parsed: it has no records. Oracle: nothing to
// rewrite.
func TestExtBare(t *testing.T) {
	b := NewBuilder(nil)
	x := &Ext{}
	if _, err := b.Dedup(x); err != nil {
		t.Error(err)
	}
}

// TestStringWithNUL adds and finds a text that no string section can hold.
func TestStringWithNUL(t *testing.T) {
	b := NewBuilder(nil)
	b.AddString("a")
	b.AddString("b")
	b.FindString("a")
	if off, ok := b.FindString("a\x00b"); ok {
		t.Error("found at", off)
	}
	b.AddString("a\x00b")
	if _, err := b.Spec(); err == nil || !strings.Contains(err.Error(), "NUL") {
		t.Error(err)
	}
}
