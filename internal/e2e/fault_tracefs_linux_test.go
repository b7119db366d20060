package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
)

// tracefsKinds attach by events in tracefs.
var tracefsKinds = []struct {
	name   string
	has    func(t testing.TB) bool
	attach func(p *bpf.Program) (*bpf.Link, error)
}{
	{"uprobe", hasUprobes, func(p *bpf.Program) (*bpf.Link, error) {
		return p.AttachUprobe(os.Args[0], "",
			&bpf.UprobeOptions{Offset: 0x1000, Mode: bpf.ProbeLegacy})
	}},
	{"uretprobe", hasUprobes, func(p *bpf.Program) (*bpf.Link, error) {
		o := bpf.UprobeOptions{Offset: 0x1000, Mode: bpf.ProbeLegacy, Return: true}
		return p.AttachUprobe(os.Args[0], "", &o)
	}},
	{"kprobe", hasKprobes, func(p *bpf.Program) (*bpf.Link, error) {
		return p.AttachKprobe("find_task_by_vpid", &bpf.KprobeOptions{Mode: bpf.ProbeLegacy})
	}},
}

// TestTracefsFaults attaches by events in tracefs while the kernel refuses each kind of system call
// that this needs, and detaches while the event can't be removed. A failed attachment leaves no
// event; a failed detachment leaves only the event and names it. The oracles are seccomp, tracefs
// and /proc/self/fd.
func TestTracefsFaults(t *testing.T) {
	testkit.Root(t)
	tracefs := testkit.Tracefs(t)
	for _, kind := range tracefsKinds {
		t.Run(kind.name, func(t *testing.T) {
			if !kind.has(t) {
				testkit.Skip(t, "the kernel has no such probes")
			}
			p := loadedProgram(t, "link", "probe")
			id := bpftest.ProgramID(t, p)
			left := func() string { return leftLinks(t, id) }
			// calls that are made only once are made here
			closeLink(t, attachedBy(t, p, kind.attach))
			waitNothing(t, left)
			before := testkit.FDs()
			clean := func(where string) {
				t.Helper()
				waitNothing(t, left)
				if now := testkit.FDs(); !slices.Equal(now, before) {
					t.Fatalf("%s: descriptors before %v, after %v", where, before, now)
				}
			}
			for _, call := range []struct {
				name   string
				number uintptr
				must   bool // fail
			}{
				{"openat", unix.SYS_OPENAT, true}, {"read", unix.SYS_READ, true},
				{"write", unix.SYS_WRITE, true}, {"bpf", unix.SYS_BPF, false},
				{"perf_event_open", unix.SYS_PERF_EVENT_OPEN, true},
				{"ioctl", unix.SYS_IOCTL, true}, {"fcntl", unix.SYS_FCNTL, false},
				{"epoll_ctl", unix.SYS_EPOLL_CTL, false},
			} {
				for _, errno := range []syscall.Errno{unix.EPERM, unix.EACCES, unix.EIO,
					unix.ENOSPC,
					unix.ENOMEM, unix.EMFILE, unix.EBUSY, unix.EEXIST, unix.ENODEV} {
					where := fmt.Sprintf("%s refused with %v", call.name, errno)
					var l *bpf.Link
					var err error
					testkit.Refuse(t, call.number, errno, func() { l, err = kind.attach(p) })
					switch {
					case err == nil:
						closeLink(t, l)
						if call.must {
							t.Errorf("%s: attached", where)
						}
					case !errors.Is(err, errno), strings.ContainsRune(err.Error(), '\n'):
						t.Errorf("%s: %v", where, err)
					}
					clean(where)
				}
			}
			for _, number := range []uintptr{unix.SYS_WRITE, unix.SYS_OPENAT} {
				l := attachedBy(t, p, kind.attach)
				var err error
				testkit.Refuse(t, number, unix.EIO, func() { err = l.Close() })
				event := left()
				_, name, _ := strings.Cut(event, "/")
				name, _, _ = strings.Cut(name, " ")
				t.Log(err)
				if name == "" || !errors.Is(err, unix.EIO) ||
					strings.ContainsRune(err.Error(), '\n') ||
					!strings.Contains(err.Error(), name) ||
					!strings.Contains(err.Error(), "CleanLegacyEvents") {
					t.Errorf("left is %q: %v", event, err)
				}
				if err := l.Close(); err != nil {
					t.Errorf("closed again: %v", err)
				}
				file, _, _ := strings.Cut(event, ":")
				remove := fmt.Sprintf("-:%ss/%s", kind.name, name)
				path := filepath.Join(tracefs, file)
				f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := f.WriteString(remove); err != nil {
					t.Error(err)
				}
				f.Close()
				clean("removed by hand")
			}
		})
	}
}

func attachedBy(t *testing.T, p *bpf.Program, attach func(*bpf.Program) (*bpf.Link, error)) *bpf.Link {
	t.Helper()
	l, err := attach(p)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
