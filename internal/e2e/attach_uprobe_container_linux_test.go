package e2e

import (
	"github.com/purebpf/bpf"

	"archive/zip"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/internal/userfile"
)

// copyTo copies a file and makes the directories for it.
func copyTo(t testing.TB, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err == nil {
		err = errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, raw, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// startContained runs a program whose root is dir, in mounts of its own.
func startContained(t testing.TB, dir, path string, args ...string) *victim {
	t.Helper()
	testkit.Root(t)
	cmd := exec.Command(path, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Cloneflags: unix.CLONE_NEWNS}
	return startCommand(t, cmd)
}

func symlink(t testing.TB, to, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755),
		os.Symlink(to, path)); err != nil {
		t.Fatal(err)
	}
}

// TestUprobeContainer attaches to a program by paths in its root that are absolute links, where
// this process's root has another file at that path, and where it has none. The oracle is how often
// the program in the container calls its functions.
func TestUprobeContainer(t *testing.T) {
	root, here := t.TempDir(), t.TempDir()
	app := here + "/app"
	copyTo(t, target(t), root+app)
	symlink(t, app, root+"/usr/bin/app")
	symlink(t, here, root+"/opt")
	symlink(t, "../../../../../../../../.."+app, root+"/up")
	file, err := os.Create(root + "/base.apk")
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(file)
	member, err := archive.CreateHeader(&zip.FileHeader{Name: "m", Method: zip.Store})
	if err == nil {
		raw, readErr := os.ReadFile(root + app)
		_, err = member.Write(raw)
		err = errors.Join(readErr, err)
	}
	if err := errors.Join(err, archive.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	symlink(t, "/base.apk", root+"/link.apk")
	v := startContained(t, root, app)
	if err := os.Symlink(fmt.Sprintf("/proc/%d/root", v.pid), here+"/container"); err != nil {
		t.Fatal(err)
	}
	obj := uprobeObject(t, v.pid, "entry", "leave")
	usdt := usdtObject(t, newestUSDT(), v.pid, nil, "single")
	var many *bpf.Object
	if atLeast(6, 6) {
		many = uprobeObject(t, v.pid, "many")
	}
	proc := fmt.Sprintf("/proc/%d", v.pid)
	paths := []string{proc + "/root/usr/bin/app", proc + "/root/opt/app", proc + "/root/up",
		proc + "/exe", proc + "/cwd/usr/bin/app",
		proc + "/task/" + fmt.Sprint(v.pid) + "/root/usr/bin/app", here + "/container/usr/bin/app"}
	for _, other := range []bool{true, false} {
		if other {
			copyTo(t, target(t), app)
		} else if err := os.Remove(app); err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			for _, o := range []bpf.UprobeOptions{{}, {PID: v.pid}, {Mode: bpf.ProbeLegacy},
				{Mode: bpf.ProbePerf}} {
				h := userHitOf(t, obj, "entry")
				*h = userHit{}
				l, err := obj.Program("entry").AttachUprobe(path, "add_numbers", &o)
				if err != nil {
					t.Errorf("%s %+v: %v", path, o, err)
					continue
				}
				if v.run(t, 1); h.Count != 2 {
					t.Errorf("%s %+v, another file here: %v: ran %d times, want 2",
						path, o, other, h.Count)
				}
				closeLink(t, l)
			}
			if many != nil {
				h := userHitOf(t, many, "many")
				*h = userHit{}
				l, err := many.Program("many").AttachUprobeMulti(path, "add_*", nil)
				if err != nil {
					t.Errorf("%s: %v", path, err)
					continue
				}
				if v.run(t, 1); h.Count != 5 {
					t.Errorf("%s by a link to many: ran %d times, want 5", path, h.Count)
				}
				closeLink(t, l)
			}
			l, err := usdt.Program("single").AttachUSDT(path, "target", "none", nil)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			seen := usdtSeenBy(t, usdt, "single")
			seen.Count = 0
			if v.run(t, 1); seen.Count != 1 {
				t.Errorf("%s: the USDT probe ran %d times, want 1", path, seen.Count)
			}
			closeLink(t, l)
		}
		entry := obj.Program("entry")
		l, err := entry.AttachUprobe(proc+"/root/link.apk!/m", "add_numbers", nil)
		if err != nil {
			t.Error(err)
		} else {
			closeLink(t, l)
		}
		_, err = entry.AttachUprobe(app, "add_numbers", &bpf.UprobeOptions{PID: v.pid})
		switch {
		case other && (!errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), "give "+proc+"/root"+app)):
			t.Errorf("a path of the process's other root: %v", err)
		case !other && (!errors.Is(err, bpf.ErrNotExist) ||
			!strings.Contains(err.Error(), "there is no file "+app)):
			t.Errorf("a path that is not there: %v", err)
		}
	}
	// A file without a name is probed as well, through the process that runs it.
	if err := os.Remove(root + app); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{proc + "/exe", "app"} {
		h := userHitOf(t, obj, "entry")
		*h = userHit{}
		l, err := obj.Program("entry").AttachUprobe(name, "add_numbers",
			&bpf.UprobeOptions{PID: v.pid})
		if err != nil {
			t.Error(err)
			continue
		}
		if v.run(t, 1); h.Count != 2 {
			t.Errorf("%s, deleted: ran %d times, want 2", name, h.Count)
		}
		closeLink(t, l)
	}
}

// TestUprobeLibraryOfProcess attaches to a library by its name in a process: the one that it has
// mapped, or that is in its root, not this process's. The oracle is how often the process calls the
// function.
func TestUprobeLibraryOfProcess(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		testkit.Skip(t, "what a dynamically linked program takes is known of x86-64 only")
	}
	root, here := t.TempDir(), t.TempDir()
	lib, program := library(t, "-Wl,-soname,libcalled.so.3"), testkit.Native(t, caller, "-ldl")
	t.Setenv("LD_LIBRARY_PATH", here)
	copyTo(t, lib, here+"/libvictim.so.1")
	copyTo(t, lib, here+"/libother.so.1")
	copyTo(t, lib, root+"/srv/libvictim.so.1.2")
	copyTo(t, lib, root+"/usr/lib64/libother.so.1.2")
	symlink(t, "/usr/lib64/libother.so.1.2", root+"/usr/lib/libother.so.1")
	copyTo(t, program, root+"/caller")
	// The files that it needs are the ones that it maps when it runs here.
	mappings, err := userfile.Mappings(startVictim(t, program).pid)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mappings {
		for _, dir := range []string{"/lib64/", "/lib/x86_64-linux-gnu/"} {
			copyTo(t, m.Path, root+dir+filepath.Base(m.Path))
		}
	}
	v := startContained(t, root, "/caller", "/srv/libvictim.so.1.2")
	obj := uprobeObject(t, v.pid, "entry")
	h := userHitOf(t, obj, "entry")
	runs := func(name, symbol string, want uint64) {
		t.Helper()
		*h = userHit{}
		l, err := obj.Program("entry").AttachUprobe(name, symbol, &bpf.UprobeOptions{PID: v.pid})
		if err != nil {
			t.Error(err)
			return
		}
		if v.run(t, 1); h.Count != want {
			t.Errorf("%s:%s ran %d times, want %d", name, symbol, h.Count, want)
		}
		closeLink(t, l)
	}
	runs("libvictim.so.1", "plain", 1)
	runs("libvictim.so.1.2", "plain", 1)
	runs("libother.so.1", "plain", 0) // not mapped, but it exists
	runs("libc.so.6", "getpgid", 1)
	runs("caller", "main", 0)
	entry := obj.Program("entry")
	if _, err := entry.AttachUprobe("libnone.so.1", "plain",
		&bpf.UprobeOptions{PID: v.pid}); !errors.Is(err, bpf.ErrNotExist) ||
		!strings.Contains(err.Error(), "its root has none in /usr/lib64") {
		t.Errorf("a library that is nowhere: %v", err)
	}
	if err := os.Remove(root + "/srv/libvictim.so.1.2"); err != nil {
		t.Fatal(err)
	}
	runs("libvictim.so.1", "plain", 1) // mapped, without a name
	copyTo(t, lib, root+"/usr/lib64/libcalled.so.3")
	runs("libcalled.so.3", "plain", 1) // mapped, and replaced as by an upgrade
	gone := v.pid
	v.in.(interface{ Close() error }).Close()
	if err := v.wait(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"libvictim.so.1", fmt.Sprintf("/proc/%d/root/caller", gone)} {
		if _, err := entry.AttachUprobe(name, "plain",
			&bpf.UprobeOptions{PID: gone}); !errors.Is(err, syscall.ESRCH) ||
			!strings.Contains(err.Error(), fmt.Sprintf("no process %d", gone)) {
			t.Errorf("%s of a process that has ended: %v", name, err)
		}
	}
}
