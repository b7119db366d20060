package userfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// contained starts a process whose root is dir; it ends with the test.
func contained(t *testing.T, dir string) int {
	t.Helper()
	testkit.Root(t)
	program := filepath.Join(dir, "sleeper")
	raw, err := os.ReadFile(
		testkit.Native(t, "#include <unistd.h>\nint main(void) { write(1, \"r\", 1); pause(); }",
			"-static"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, raw, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/sleeper")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Cloneflags: unix.CLONE_NEWNS}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// TestInRoot opens thousands of paths through directories, links and ".." below a process's root,
// with the walk that does not use openat2, and with openPath. The oracle is the kernel's openat2
// with RESOLVE_IN_ROOT.
func TestInRoot(t *testing.T) {
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "c", "l1", "l2", "l3", "..", "."}
	path := func() string {
		parts := make([]string, 1+random.IntN(5))
		for i := range parts {
			parts[i] = names[random.IntN(len(names))]
		}
		return strings.Join(parts, "/")
	}
	var grow func(at string, depth int)
	grow = func(at string, depth int) {
		for _, name := range []string{"a", "b", "c"} {
			file := filepath.Join(at, name)
			if depth < 3 && random.IntN(3) > 0 {
				os.Mkdir(file, 0o755)
				grow(file, depth+1)
			} else if err := os.WriteFile(file, []byte(file), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"l1", "l2", "l3"} {
			to := path()
			if random.IntN(2) == 0 {
				to = "/" + to
			}
			if err := os.Symlink(to, filepath.Join(at, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	grow(dir, 0)
	root, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(root)
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}
	fd, err := unix.Openat2(root, ".", &how)
	if err != nil {
		testkit.Skip(t, "the kernel has no openat2: "+err.Error())
	}
	unix.Close(fd)
	prefix := fmt.Sprintf("/proc/%d/root/", contained(t, dir))
	inode := func(fd int) (info unix.Stat_t) {
		if err := unix.Fstat(fd, &info); err != nil {
			t.Fatal(err)
		}
		return info
	}
	files, failed := 0, 0
	for range 5000 {
		at := path()
		want, wantErr := unix.Openat2(root, at, &how)
		w := walk{left: strings.Split(strings.Trim(prefix, "/")+"/"+at, "/"), alone: true}
		got, err := w.open(prefix + at)
		w.close()
		f, openErr := openPath(prefix+at, true)
		if wantErr != nil {
			failed++
			if err != wantErr || !errors.Is(openErr, wantErr) {
				t.Fatalf("%s: %v and %v, openat2 says %v", at, err, openErr, wantErr)
			}
			continue
		}
		info := inode(want)
		unix.Close(want)
		if info.Mode&unix.S_IFMT == unix.S_IFDIR {
			if err == nil {
				unix.Close(got)
			}
			if !errors.Is(openErr, syscall.EINVAL) && !errors.Is(openErr, syscall.EISDIR) {
				t.Fatalf("%s: %v of a folder", at, openErr)
			}
			continue
		}
		files++
		if err != nil || openErr != nil {
			t.Fatalf("%s: %v, %v", at, err, openErr)
		}
		if a, b := inode(got).Ino, inode(int(f.file.Fd())).Ino; a != info.Ino || b != info.Ino ||
			!f.foreign {
			t.Fatalf("%s: inodes %d and %d, openat2 says %d", at, a, b, info.Ino)
		}
		unix.Close(got)
		f.Close()
	}
	t.Logf("%d files, %d errors", files, failed)
	if files < 100 || failed < 100 {
		t.Error("too few were compared")
	}
}

// TestOpenOwn: a link in a container leads through /proc/self, which is this process for whoever
// follows it here. The oracle is what the link is for a process in the container: its own
// executable.
func TestOpenOwn(t *testing.T) {
	testkit.Root(t)
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/proc", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("proc", dir+"/proc", "proc", 0, ""); err != nil {
		testkit.Skip(t, "proc can't be mounted: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir+"/proc", unix.MNT_DETACH) })
	prefix := "/proc/" + strconv.Itoa(contained(t, dir)) + "/root/"
	for link, to := range map[string]string{
		"exe": "/proc/self/exe", "thread": "/proc/thread-self/exe", "root": "/proc/self/root/exe",
		"again": "exe",
	} {
		if err := os.Symlink(to, dir+"/"+link); err != nil {
			t.Fatal(err)
		}
		f, err := openPath(prefix+link, true)
		if err == nil {
			f.Close()
		}
		if link != "again" && !errors.Is(err, unix.EXDEV) {
			t.Errorf("%s: %v", link, err)
		}
	}
	if _, err := openPath(prefix+"again", true); !errors.Is(err, unix.EXDEV) {
		t.Error("a link to a link:", err)
	}
}

// TestOpenLinks follows the links that lead to files of a process, where other files are at the
// same paths here. The oracle is the content of the files.
func TestOpenLinks(t *testing.T) {
	dir, here := t.TempDir(), t.TempDir()
	inside := filepath.Join(dir, here)
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{inside + "/app": "inside", here + "/app": "here"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{dir + "/app": here + "/app", dir + "/opt": here,
		dir + "/up":   "../../../.." + here + "/app",
		dir + "/loop": "/loop", dir + "/gone": "/no/such/file"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	pid := strconv.Itoa(contained(t, dir))
	if err := os.Symlink("/proc/"+pid+"/root", here+"/container"); err != nil {
		t.Fatal(err)
	}
	proc := "/proc/" + pid
	for path, want := range map[string]string{
		proc + "/root/app":                           "inside",
		proc + "/root/opt/app":                       "inside",
		proc + "/root/up":                            "inside",
		proc + "/root/../../.." + here + "/app":      "inside",
		proc + "/task/" + pid + "/root/app":          "inside",
		proc + "/cwd/app":                            "inside",
		proc + "/cwd/../opt/app":                     "inside",
		proc + "/../" + pid + "/root/app":            "inside",
		here + "/container/app":                      "inside",
		here + "/../" + filepath.Base(here) + "/app": "here",
		"/proc/self/root" + here + "/app":            "here",
		"/proc/thread-self/root" + here + "/app":     "here",
		here + "/app":                                "here",
	} {
		f, err := openPath(path, true)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		text := make([]byte, 20)
		n, _ := f.file.Read(text)
		by, byErr := f.byDescriptor()
		if string(text[:n]) != want || byErr != nil || !strings.HasPrefix(by, "/proc/self/fd/") {
			t.Errorf("%s: %q, want %q; %s, %v", path, text[:n], want, by, byErr)
		}
		f.Close()
	}
	if f, err := openPath(proc+"/exe", true); err != nil || !f.foreign {
		t.Errorf("exe: %v", err)
	} else {
		f.Close()
	}
	for path, want := range map[string]error{
		proc + "/root/loop": syscall.ELOOP, proc + "/root/gone": fs.ErrNotExist,
		proc + "/root":     syscall.EINVAL,
		proc + "/root/opt": syscall.EINVAL, "/proc/999999999/root/app": syscall.ESRCH,
		"/dev/null": syscall.EINVAL, "": fs.ErrNotExist,
	} {
		if f, err := openPath(path, true); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
			f.Close()
		}
	}
}
