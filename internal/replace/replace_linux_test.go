package replace

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestFiles: the oracle is the file system.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "sub", "b")
	write := func(x, y string) error {
		return Files(File{a, []byte(x)}, File{b, []byte(y)})
	}
	want := func(x, y string) {
		t.Helper()
		for path, text := range map[string]string{a: x, b: y} {
			if got, err := os.ReadFile(path); err != nil || string(got) != text {
				t.Errorf("%s is %q, %v, want %q", path, got, err, text)
			}
		}
		for _, path := range []string{dir, filepath.Dir(b)} {
			list, err := os.ReadDir(path)
			if most := map[bool]int{true: 2, false: 1}[path == dir]; err != nil ||
				len(list) > most {
				t.Errorf("%s has %v, %v", path, list, err)
			}
		}
	}
	if err := write("one", "two"); err != nil {
		t.Fatal(err)
	}
	want("one", "two")
	before, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := write("one", "three"); err != nil {
		t.Fatal(err)
	}
	want("one", "three")
	if after, err := os.Stat(a); err != nil || !os.SameFile(before, after) {
		t.Errorf("a file with the same content was replaced: %v", err)
	}
	if after, err := os.Stat(b); err != nil || after.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", after.Mode(), err)
	}
}

// TestFilesRefused: the oracle is the kernel, which refuses the last of two renames, or any. Both
// files are what they were, and nothing else is left.
func TestFilesRefused(t *testing.T) {
	testkit.Root(t)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for _, path := range []string{a, b} {
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	unchanged := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error", what)
		}
		for _, path := range []string{a, b} {
			if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
				t.Errorf("%s: %s is %q, %v", what, path, got, err)
			}
		}
		if list, _ := os.ReadDir(dir); len(list) != 2 {
			t.Errorf("%s: left behind: %v", what, list)
		}
	}
	both := func() error { return Files(File{a, []byte("new")}, File{b, []byte("new")}) }
	for _, call := range []uintptr{unix.SYS_RENAMEAT, unix.SYS_OPENAT, unix.SYS_WRITE} {
		var err error
		testkit.Refuse(t, call, syscall.EROFS, func() { err = both() })
		unchanged("refused call", err)
	}
	// A mount point can be written beside, but no file can be renamed to it.
	if err := unix.Mount(a, b, "", unix.MS_BIND, ""); err != nil {
		testkit.Skip(t, "bind mount: %v", err)
	}
	err := both()
	if err := unix.Unmount(b, 0); err != nil {
		t.Fatal(err)
	}
	unchanged("mount point", err)
	if err := Files(File{dir, nil}); err == nil {
		t.Error("a folder was replaced")
	}
}

// TestFilesMode: a file keeps its mode. The oracle is the file system.
func TestFilesMode(t *testing.T) {
	private := t.TempDir() + "/private"
	if err := os.WriteFile(private, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Files(File{private, []byte("new")}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(private); err != nil || string(got) != "new" {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Stat(private); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
