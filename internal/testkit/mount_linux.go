package testkit

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// BPFFS returns a new empty folder on a BPF file system, which it mounts at /sys/fs/bpf if there is
// none; the folder and its pins are removed when the test ends. It needs [Root].
func BPFFS(t testing.TB) string {
	t.Helper()
	Root(t)
	const point = "/sys/fs/bpf"
	mountIfAbsent(t, point, "bpf", unix.BPF_FS_MAGIC)
	dir, err := os.MkdirTemp(point, "test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Tracefs returns the root of tracefs, which it mounts at /sys/kernel/tracing if there is none. It
// needs [Root].
func Tracefs(t testing.TB) string {
	t.Helper()
	Root(t)
	const point = "/sys/kernel/tracing"
	mountIfAbsent(t, point, "tracefs", unix.TRACEFS_MAGIC)
	return point
}

// Cgroup returns a new empty cgroup of the version 2 hierarchy, removed when the test ends.
// Processes that the test moved into it must have left or ended by then. It needs [Root].
func Cgroup(t testing.TB) string {
	t.Helper()
	Root(t)
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if !isFilesystem(root, unix.CGROUP2_SUPER_MAGIC) {
			continue
		}
		dir, err := os.MkdirTemp(root, "purebpf-test-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Remove(dir); err != nil {
				t.Errorf("cgroup of the test: %v", err)
			}
		})
		return dir
	}
	Skip(t, "no cgroup version 2 hierarchy is mounted")
	return ""
}

func mountIfAbsent(t testing.TB, point, kind string, magic int64) {
	t.Helper()
	if isFilesystem(point, magic) {
		return
	}
	if err := os.MkdirAll(point, 0o755); err != nil {
		t.Fatal(err)
	}
	// Another test process may have mounted it meanwhile: only the final state counts.
	err := unix.Mount(kind, point, kind, 0, "")
	if !isFilesystem(point, magic) {
		Skip(t, "cannot mount %s at %s: %v", kind, filepath.Clean(point), err)
	}
}

func isFilesystem(path string, magic int64) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && uint32(st.Type) == uint32(magic)
}
