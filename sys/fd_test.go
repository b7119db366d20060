//go:build linux

package sys_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/fdtrack"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel's table of descriptors.

func TestFDIsAtLeast3AndCloexec(t *testing.T) {
	stdin, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		unix.Dup3(stdin, 0, 0)
		unix.Close(stdin)
	}()
	unix.Close(0)
	raw, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
	if err != nil || raw != 0 {
		t.Fatalf("descriptor %d, %v", raw, err)
	}
	fd, err := sys.NewFD(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	if fd.Int() < 3 {
		t.Errorf("descriptor %d", fd.Int())
	}
	if _, err := unix.FcntlInt(0, unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("0 is still open: %v", err)
	}
	flags, err := unix.FcntlInt(uintptr(fd.Int()), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %#x, %v", flags, err)
	}
	again, err := fd.Dup()
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Int() == fd.Int() || again.Int() < 3 {
		t.Errorf("duplicate of %v is %v", fd, again)
	}
}

// Every kind of descriptor that this package makes is close-on-exec.
func TestEveryFDIsCloexec(t *testing.T) {
	m := hash(t, 1)
	prog := loadProg(t, uapi.ProgRawTracepoint, 0, asm.Mov64Imm(asm.R0, 0), asm.ExitInsn())
	path := filepath.Join(testkit.BPFFS(t), "m")
	if err := sys.ObjPin(m.Int(), path, 0); err != nil {
		t.Fatal(err)
	}
	made := func(fd *sys.FD, err error) *sys.FD {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { fd.Close() })
		return fd
	}
	link := made(sys.RawTracepointOpen("sys_enter", prog.Int(), 0))
	fds := map[string]*sys.FD{
		"map": m, "program": prog, "link": link,
		"pinned": made(sys.ObjGet(path, 0)),
		"by id":  made(sys.MapFDByID(mapID(t, m))),
		"event": made(sys.PerfEventOpen(&sys.PerfEventAttr{Type: sys.PerfTypeSoftware}, 0, -1, -1,
			0)),
		"copy":  made(m.Dup()),
		"stats": made(sys.EnableStats(sys.StatsRunTime)),
	}
	for name, fd := range fds {
		flags, err := unix.FcntlInt(uintptr(fd.Int()), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 || fd.Int() < 3 {
			t.Errorf("%s: descriptor %v, flags %#x, %v", name, fd, flags, err)
		}
	}
}

func TestFDCloseOnce(t *testing.T) {
	open := func() *sys.FD {
		f, err := os.Open("/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		raw, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatal(err)
		}
		fd, err := sys.NewFD(raw)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	fd := open()
	number := fd.Int()
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := fd.Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	if fd.Int() != -1 || fd.String() != "closed" {
		t.Errorf("closed, but %v", fd)
	}
	if _, err := unix.FcntlInt(uintptr(number), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("still open: %v", err)
	}
	if _, err := fd.Dup(); !errors.Is(err, syscall.EBADF) {
		t.Errorf("duplicate of a closed descriptor: %v", err)
	}

	var none *sys.FD
	if none.Close() != nil || none.Int() != -1 || none.Uint32() != 0 || none.Disown() != -1 ||
		none.String() != "closed" {
		t.Error("a nil *FD isn't harmless")
	}

	fd = open()
	raw := fd.Disown()
	if fd.Close() != nil || fd.Int() != -1 {
		t.Error("disowned, but not gone")
	}
	if err := unix.Close(raw); err != nil {
		t.Errorf("disowned descriptor was closed: %v", err)
	}
	if _, err := sys.NewFD(-1); !errors.Is(err, syscall.EBADF) {
		t.Errorf("NewFD(-1): %v", err)
	}
}

func TestFDTracking(t *testing.T) {
	raw, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := sys.NewFD(raw)
	if err != nil {
		t.Fatal(err)
	}
	if stack := fdtrack.Origin(fd.Int()); !strings.Contains(stack, "TestFDTracking") ||
		!strings.Contains(stack, "fd_test.go") {
		t.Errorf("origin of %v: %q", fd, stack)
	}
	n := fd.Int()
	fd.Close()
	if stack := fdtrack.Origin(n); stack != "" {
		t.Errorf("origin of a closed descriptor: %q", stack)
	}
}
