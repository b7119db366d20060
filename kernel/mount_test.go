//go:build linux

package kernel

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
)

// inMountNS runs f on a thread in its own mount namespace, which ends with the thread.
func inMountNS(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	testkit.Root(t)
	done := make(chan struct{})
	testkit.OnOwnThread(func() {
		defer close(done)
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
			t.Errorf("unshare: %v", err)
			return
		}
		if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Errorf("make mounts private: %v", err)
			return
		}
		f(t)
	})
	<-done
}

// The oracle is the kernel's list of mounts: nothing is mounted over another mount.
func TestEnsureBPFFSCoversNothing(t *testing.T) {
	inMountNS(t, func(t *testing.T) {
		for unix.Unmount(DefaultBPFFS, unix.MNT_DETACH) == nil {
		}
		mount := func(kind, dir string) {
			if err := unix.Mount(kind, dir, kind, 0, ""); err != nil {
				t.Fatal(err)
			}
		}
		refused := func(path, says string) {
			t.Helper()
			before := mounts(t)
			err := EnsureBPFFS(path)
			if !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), says) ||
				mounts(t) != before {
				t.Errorf("%v, %d mounts, %d before", err, mounts(t), before)
			}
		}
		mount("tmpfs", DefaultBPFFS)
		refused(DefaultBPFFS+"/pin", "a file system of another kind")
		unix.Unmount(DefaultBPFFS, 0)
		mount("bpf", DefaultBPFFS)
		if err := os.Mkdir(DefaultBPFFS+"/other", 0o700); err != nil {
			t.Fatal(err)
		}
		mount("tmpfs", DefaultBPFFS+"/other")
		refused(DefaultBPFFS+"/other/pin", "is not on the BPF file system that is mounted at")
		unix.Unmount(DefaultBPFFS+"/other", 0)
		if err := os.Symlink(t.TempDir(), DefaultBPFFS+"/link"); err != nil {
			t.Fatal(err)
		}
		refused(DefaultBPFFS+"/link/pin", "is not on the BPF file system that is mounted at")
	})
}

// The oracle is the kernel: statfs, and where it allows pins.
func TestEnsureBPFFS(t *testing.T) {
	inMountNS(t, func(t *testing.T) {
		for unix.Unmount(DefaultBPFFS, unix.MNT_DETACH) == nil {
		}
		var st unix.Statfs_t
		if err := unix.Statfs(DefaultBPFFS, &st); err != nil ||
			uint32(st.Type) == unix.BPF_FS_MAGIC {
			t.Errorf("still mounted: %x, %v", st.Type, err)
		}
		if err := EnsureBPFFS(DefaultBPFFS + "/app/map"); err != nil {
			t.Error(err)
		}
		if err := unix.Statfs(DefaultBPFFS, &st); err != nil ||
			uint32(st.Type) != unix.BPF_FS_MAGIC {
			t.Errorf("not mounted: %x, %v", st.Type, err)
		}
		before := mounts(t)
		if err := EnsureBPFFS(DefaultBPFFS); err != nil || mounts(t) != before {
			t.Errorf("mounted twice: %v", err)
		}
		dir := t.TempDir()
		err := EnsureBPFFS(filepath.Join(dir, "not/there/yet"))
		if !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), "use a path below /sys/fs/bpf") ||
			strings.Contains(err.Error(), "mount") {
			t.Errorf("outside: %v", err)
		}
		if err := unix.Mount("bpf", dir, "bpf", 0, ""); err != nil {
			t.Error(err)
		}
		if err := EnsureBPFFS(filepath.Join(dir, "not/there/yet")); err != nil {
			t.Errorf("on a BPF file system elsewhere: %v", err)
		}
		unix.Unmount(dir, 0)
	})
}

func mounts(t *testing.T) int {
	text, err := os.ReadFile("/proc/thread-self/mounts")
	if err != nil {
		t.Error(err)
	}
	return strings.Count(string(text), "\n")
}

func TestTracefs(t *testing.T) {
	inMountNS(t, func(t *testing.T) {
		for _, dir := range []string{"/sys/kernel/debug/tracing", "/sys/kernel/tracing",
			"/sys/kernel/debug"} {
			for unix.Unmount(dir, unix.MNT_DETACH) == nil {
			}
		}
		root, err := Running().Tracefs()
		if err != nil || root != "/sys/kernel/tracing" {
			t.Errorf("%q, %v", root, err)
		}
		if _, err := os.Stat(root + "/events/sched"); err != nil {
			t.Error(err)
		}
	})
	// The cases: a user who may enter tracefs but not debugfs; one who may enter neither; one who
	// may not mount it.
	inMountNS(t, func(t *testing.T) {
		for _, dir := range []string{"/sys/kernel/debug/tracing", "/sys/kernel/tracing",
			"/sys/kernel/debug"} {
			for unix.Unmount(dir, unix.MNT_DETACH) == nil {
			}
		}
		asNobody := func() (string, error) {
			unix.Setfsuid(65534) // of this thread, which also loses file capabilities
			defer unix.Setfsuid(0)
			return Running().Tracefs()
		}
		mount := func(dir, mode string) {
			if err := unix.Mount("none", dir, "tmpfs", 0, "mode="+mode); err != nil {
				t.Fatal(err)
			}
		}
		mount("/sys/kernel/debug", "700")
		mount("/sys/kernel/tracing", "755")
		if err := os.WriteFile("/sys/kernel/tracing/trace", nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if root, err := asNobody(); err != nil || root != "/sys/kernel/tracing" {
			t.Errorf("%q, %v", root, err)
		}
		if err := os.Chmod("/sys/kernel/tracing", 0o700); err != nil {
			t.Fatal(err)
		}
		if root, err := asNobody(); !errors.Is(err, fs.ErrPermission) ||
			!strings.Contains(err.Error(), "mode of /sys/kernel/tracing") {
			t.Errorf("%q, %v", root, err)
		}
	})
	// libbpf prefers debugfs if both exist.
	files := map[string]string{"sys/kernel/debug/tracing/trace": "", "sys/kernel/tracing/trace": ""}
	f := fakeRoot(t, files)
	if root, err := f.Tracefs(); err != nil || root != f.shared.root+"/sys/kernel/debug/tracing" {
		t.Errorf("%q, %v", root, err)
	}
	if _, err := fakeRoot(t, nil).Tracefs(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
}

// The oracle is the running kernel's sysfs where it has the file, and the format in
// Documentation/ABI elsewhere.
func TestEventSource(t *testing.T) {
	f := fakeRoot(t, map[string]string{
		"sys/bus/event_source/devices/kprobe/type":            "8\n",
		"sys/bus/event_source/devices/kprobe/format/retprobe": "config:0\n",
		"sys/bus/event_source/devices/x/format/retprobe":      "config1:3\n",
		"sys/bus/event_source/devices/x/type":                 "eight\n",
	})
	if n, err := f.EventSource("kprobe"); n != 8 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := f.EventSourceBit("kprobe", "retprobe"); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := f.EventSource("uprobe"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := f.EventSource("x"); err == nil {
		t.Error("a type that is no number")
	}
	if _, err := f.EventSourceBit("x", "retprobe"); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}
