package sys_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"testing"

	"github.com/purebpf/bpf/sys"
)

// TestFile compares with package os.
func TestFile(t *testing.T) {
	name, want := t.TempDir()+"/file", bytes.Repeat([]byte("0123456"), 1234)
	if err := os.WriteFile(name, want, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := sys.OpenFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if f.Size() != int64(len(want)) {
		t.Errorf("size %d, want %d", f.Size(), len(want))
	}
	got := make([]byte, len(want)+1)
	n, err := f.ReadAt(got, 0)
	if n != len(want) || err != io.EOF || string(got[:n]) != string(want) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if n, err := f.ReadAt(got[:5], 3); n != 5 || err != nil ||
		string(got[:5]) != string(want[3:8]) {
		t.Errorf("in the middle: %d bytes, %v", n, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.ReadAt(got, 0); err == nil {
		t.Error("a closed file was read")
	}
	var path *fs.PathError
	if _, err := sys.OpenFile("nowhere"); !errors.Is(err, fs.ErrNotExist) ||
		!errors.As(err, &path) || path.Path != "nowhere" {
		t.Errorf("no such file: %v", err)
	}
	dir, err := sys.OpenFile(".")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dir.ReadAt(got, 0); err == nil {
		t.Error("a directory was read")
	}
	dir.Close()
}
