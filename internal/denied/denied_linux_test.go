package denied_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/denied"
	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestExplain: the oracle is the kernel. The call is refused, and no more once what Explain names
// is open to all.
func TestExplain(t *testing.T) {
	testkit.Root(t)
	dir, err := os.MkdirTemp("", "denied")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, made := range []string{"a", "a/b", "a/b/c", "open", "open/own"} {
		if err := os.Mkdir(made, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"a/b/c/file", "open/secret"} {
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dir+"/a/b/c/file", "open/link"); err != nil {
		t.Fatal(err)
	}
	open := func(path string) error {
		f, err := os.Open(path)
		if err == nil {
			f.Close()
		}
		return err
	}
	stat := func(path string) error { _, err := os.Stat(path); return err }
	make := func(path string) error {
		err := os.Mkdir(path, 0o755)
		if err == nil {
			os.Remove(path)
		}
		return err
	}
	for _, x := range []struct {
		what   string
		call   func(string) error
		path   string
		need   denied.Access
		closed string // what is closed to others
		names  string
	}{
		{"a directory on the way", open, "a/b/c/file", denied.Read, "a/b",
			"a/b belongs to root and has mode 0600"},
		{"the first one", open, dir + "//a/b/c/file", denied.Read, "a",
			"/a belongs to root and has mode 0600"},
		{"the file", open, "open/secret", denied.Read, "open/secret",
			"open/secret belongs to root and has mode 0600"},
		{"behind a symlink", open, "open/link", denied.Read, "a/b", "may not reach open/link"},
		{"no name is needed to reach it", stat, "a/b/c", denied.Reach, "a/b",
			"a/b belongs to root"},
		{"a directory that takes nothing", make, "open/own/new", denied.Reach, "open/own",
			"open/own belongs to root"},
		{"this directory", make, "new", denied.Reach, ".", "may not reach ."},
	} {
		before, err := os.Stat(x.closed)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(x.closed, 0o600); err != nil {
			t.Fatal(err)
		}
		var refused, explained error
		asNobody(t, func() {
			refused = x.call(x.path)
			explained = denied.Explain(x.path, x.need, refused)
		})
		if !errors.Is(refused, syscall.EACCES) {
			t.Errorf("%s: the kernel says %v", x.what, refused)
		} else if !errors.Is(explained, fs.ErrPermission) ||
			!strings.Contains(explained.Error(), x.names) {
			t.Errorf("%s: %v doesn't say %q", x.what, explained, x.names)
		}
		if err := os.Chmod(x.closed, 0o777); err != nil {
			t.Fatal(err)
		}
		asNobody(t, func() { refused = x.call(x.path) })
		if refused != nil {
			t.Errorf("%s: opened, it is still refused: %v", x.what, refused)
		}
		if err := os.Chmod(x.closed, before.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	// What file permissions don't refuse, and other errors, stay as they are.
	for _, err := range []error{nil, syscall.EACCES, syscall.EPERM, syscall.ENOENT} {
		if got := denied.Explain(filepath.Join(dir, "a/b/c/file"), denied.Read, err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}

// asNobody calls do on a thread that has no privileges for files.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	done := make(chan struct{})
	testkit.OnOwnThread(func() {
		defer close(done)
		unix.Setfsgid(65534)
		unix.Setfsuid(65534)
		do()
	})
	<-done
}
