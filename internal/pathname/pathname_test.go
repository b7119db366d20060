package pathname

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheck checks that refused names give errors and that every other name is one file of the
// directory. The oracle is the file system.
func TestCheck(t *testing.T) {
	for _, name := range []string{"", ".", "..", "/", "a/b", "../other/victim", "a/", "/a",
		"a\x00b", "\x1b]0;x\a", "a\nb", "a\tb", "a\x7f",
		"a\u0085b", "a\u202eb", "a\u2028b", "a\u200db", "a\xffb", "\xed\xa0\x80",
		strings.Repeat("a", 256)} {
		if Check(name) == nil {
			t.Errorf("%q can be part of a path", name)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"a", "...", "..a", ".hidden", "my.map", "a b", "_ZN3foo17h1234E",
		"core::fmt<T>$x", "größe", "名前",
		`back\slash`, strings.Repeat("a", 255)} {
		if err := Check(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 || entries[0].Name() != name {
			t.Errorf("%q made %v, %v", name, entries, err)
		}
		os.Remove(filepath.Join(dir, name))
	}
}
