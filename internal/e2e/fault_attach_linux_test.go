package e2e

import (
	"github.com/purebpf/bpf"

	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// attachErrnos are the errnos with which calls of an attachment fail.
var attachErrnos = []syscall.Errno{syscall.EPERM, syscall.ENOMEM, syscall.EINVAL, syscall.EBUSY,
	syscall.E2BIG, syscall.EAGAIN,
	syscall.EMFILE, syscall.ENFILE, syscall.EINTR, syscall.ENOSPC, syscall.EIO}

// failing is a kernel in which calls fail, counted from 0: the at-th, and with always every later
// one of the same name. With late a call takes effect and reports an error anyway; a descriptor
// that it would have returned is closed, as the kernel would do.
type failing struct {
	funnel.Kernel
	at           int // -1: none
	always, late bool
	errno        syscall.Errno

	mu     sync.Mutex
	calls  []string
	failed string
	count  int // of calls that failed
}

// withoutEnd is a number of failures that no call should survive.
const withoutEnd = 5000

func (f *failing) fails(call string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := len(f.calls)
	if f.count > withoutEnd {
		return false
	}
	f.calls = append(f.calls, call)
	if f.at < 0 || now < f.at {
		return false
	}
	if now == f.at {
		f.failed = call
	}
	fails := now == f.at || f.always && call == f.failed
	if fails {
		f.count++
	}
	return fails
}

// descriptor is the result of a call that returns a descriptor.
func (f *failing) descriptor(call string, real func() (int, syscall.Errno)) (int, syscall.Errno) {
	if !f.fails(call) {
		return real()
	}
	if f.late {
		if fd, errno := real(); errno == 0 {
			unix.Close(fd)
		}
	}
	return -1, f.errno
}

// number is the result of a call that returns none.
func (f *failing) number(call string, real func() (int, syscall.Errno)) (int, syscall.Errno) {
	if !f.fails(call) {
		return real()
	}
	if f.late {
		real()
	}
	return -1, f.errno
}

func (f *failing) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	real := func() (int, syscall.Errno) { return f.Kernel.BPF(cmd, attr, size, common) }
	if returnsDescriptor(cmd) {
		return f.descriptor(cmd.String(), real)
	}
	return f.number(cmd.String(), real)
}

func (f *failing) PerfEventOpen(attr unsafe.Pointer, pid, cpu,
	group int, flags uint) (int, syscall.Errno) {
	return f.descriptor("perf_event_open", func() (int, syscall.Errno) {
		return f.Kernel.PerfEventOpen(attr, pid, cpu, group, flags)
	})
}

func (f *failing) Ioctl(fd int, req uint, arg uintptr) (int, syscall.Errno) {
	return f.number("ioctl", func() (int, syscall.Errno) { return f.Kernel.Ioctl(fd, req, arg) })
}

func (f *failing) IoctlPtr(fd int, req uint, arg unsafe.Pointer) (int, syscall.Errno) {
	return f.number("ioctl", func() (int, syscall.Errno) { return f.Kernel.IoctlPtr(fd, req, arg) })
}

func (f *failing) Mmap(addr unsafe.Pointer, length uintptr, prot, flags,
	fd int, offset int64) (p unsafe.Pointer, errno syscall.Errno) {
	if f.fails("mmap") {
		return nil, f.errno
	}
	return f.Kernel.Mmap(addr, length, prot, flags, fd, offset)
}

func (f *failing) Dup(fd int) (int, syscall.Errno) {
	return f.descriptor("dup", func() (int, syscall.Errno) { return f.Kernel.Dup(fd) })
}

// Close reports its errors after closing, as Linux does: the descriptor is gone.
func (f *failing) Close(fd int) syscall.Errno {
	fails := f.fails("close")
	errno := f.Kernel.Close(fd)
	if fails {
		errno = f.errno
	}
	return errno
}

func (f *failing) Netlink(family int, request []byte, receive func([]byte) (bool, error)) error {
	if !f.fails("netlink") {
		return f.Kernel.Netlink(family, request, receive)
	}
	if f.late {
		f.Kernel.Netlink(family, request, receive)
	}
	return f.errno
}

// hooking is a loaded program and a way to attach and detach it.
type hooking struct {
	// before each attach, where the kernel allows only one attachment; nil for nothing
	before func()
	attach func() error
	detach func() error
	// left returns what is attached, "" if nothing; nil for links, which have the program's id
	left func() string
}

// hookings are all ways to attach. Those that make a link are in killedKinds too.
var hookings = []struct {
	name string
	has  func(t testing.TB) bool
	make func(t *testing.T) (*bpf.Program, hooking)
}{
	{"raw tracepoint", everywhere, linking("link", "raw_tp", (*bpf.Program).Attach)},
	{"tp_btf", hasBTF, linking("trace", "on_sys_enter", (*bpf.Program).Attach)},
	{"tracepoint", everywhere, linking("link", "tp", (*bpf.Program).Attach)},
	{"perf event", everywhere, func(t *testing.T) (*bpf.Program, hooking) {
		p := loadedProgram(t, "link", "event")
		var links bpf.Links
		return p, hooking{attach: func() (err error) {
			links, err = p.AttachPerfEvent(bpf.PerfEvent{Type: sys.PerfTypeSoftware,
				Config: unix.PERF_COUNT_SW_PAGE_FAULTS, Period: 1e9}, nil)
			return err
		}, detach: func() error { return links.Close() }}
	}},
	{"kprobe", hasKprobes, linking("link", "probe", func(p *bpf.Program) (*bpf.Link, error) {
		return p.AttachKprobe("find_task_by_vpid", nil)
	})},
	{"kprobe in tracefs", hasKprobes,
		linking("link", "probe", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachKprobe("find_task_by_vpid", &bpf.KprobeOptions{Mode: bpf.ProbeLegacy})
		})},
	{"kprobe.multi", hasFprobes, linking("link", "probes", func(p *bpf.Program) (*bpf.Link, error) {
		return p.AttachKprobeList(bpf.KprobeList{Symbols: []string{"find_task_by_vpid"}})
	})},
	{"uprobe", hasUprobes, linking("link", "probe", func(p *bpf.Program) (*bpf.Link, error) {
		return p.AttachUprobe(os.Args[0], "", &bpf.UprobeOptions{Offset: 0x1000})
	})},
	{"uprobe in tracefs", hasUprobes,
		linking("link", "probe", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachUprobe(os.Args[0], "",
				&bpf.UprobeOptions{Offset: 0x1000, Mode: bpf.ProbeLegacy})
		})},
	{"uprobe.multi", func(t testing.TB) bool {
		return atLeast(6, 6)
	}, linking("link", "uprobes", func(p *bpf.Program) (*bpf.Link, error) {
		return p.AttachUprobeList(os.Args[0], bpf.UprobeList{Offsets: []uint64{0x1000}})
	})},
	{"USDT by a link for each place", hasUprobes, func(t *testing.T) (*bpf.Program, hooking) {
		p := usdtObject(t, newestUSDT(), 0, nil, "single").Program("single")
		file := target(t)
		return p, ofLink(func() (*bpf.Link, error) {
			return p.AttachUSDT(file, "target", "spread", nil)
		})
	}},
	{"XDP", everywhere, linking("link", "xdp", func(p *bpf.Program) (*bpf.Link, error) {
		return p.AttachXDP("lo", nil)
	})},
	{"XDP by netlink", everywhere, func(t *testing.T) (*bpf.Program, hooking) {
		p := loadedProgram(t, "link", "xdp")
		return p, hooking{
			attach: func() error { _, err := nolink.SetXDP(p, "lo", nil); return err },
			detach: func() error { return nolink.UnsetXDP(p, "lo") },
			left: func() string {
				if state := xdpState(t, "lo"); state != (rtnl.XDPState{}) {
					return fmt.Sprint(state)
				}
				return ""
			},
		}
	}},
	{"tcx", func(t testing.TB) bool {
		return atLeast(6, 6)
	}, linking("link", "tcx", func(p *bpf.Program) (*bpf.Link, error) {
		return p.AttachTCX("lo", uapi.AttachTCXIngress, nil)
	})},
	{"netfilter", func(t testing.TB) bool {
		return atLeast(6, 4)
	}, linking("link", "netfilter", func(p *bpf.Program) (*bpf.Link, error) {
		return p.AttachNetfilter(uapi.NetfilterIPv4, uapi.NetfilterLocalIn,
			&bpf.NetfilterOptions{Priority: -77})
	})},
	{"network namespace", everywhere,
		linking("link", "dissector", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachNetns(kernel.ThreadNetns)
		})},
	{"cgroup", everywhere, func(t *testing.T) (*bpf.Program, hooking) {
		dir := testkit.Cgroup(t)
		p := loadedProgram(t, "link", "ingress")
		return p, ofLink(func() (*bpf.Link, error) { return p.AttachCgroup(dir, nil) })
	}},
	{"cgroup without a link", everywhere, func(t *testing.T) (*bpf.Program, hooking) {
		dir := testkit.Cgroup(t)
		p := loadedProgram(t, "link", "ingress")
		return p, hooking{
			attach: func() error { return nolink.AddCgroup(p, dir, nil) },
			detach: func() error { return nolink.RemoveCgroup(p, dir, nil) },
			left: func() string {
				hook, err := hooks.QueryFile(dir, uapi.AttachCgroupInetIngress, 0)
				if err != nil || len(hook.Programs) > 0 {
					return fmt.Sprint(hook, err)
				}
				return ""
			},
		}
	}},
	{"sockmap", func(t testing.TB) bool {
		return atLeast(6, 10)
	}, func(t *testing.T) (*bpf.Program, hooking) {
		obj := load(t, only(open(t, "link"), "verdict"), nil)
		p := obj.Program("verdict")
		return p, ofLink(func() (*bpf.Link, error) {
			return p.AttachSockMap(obj.Map("sockets"),
				nil)
		})
	}},
	{"iterator", hasBTF, linking("iter", "tasks", func(p *bpf.Program) (*bpf.Link, error) {
		l, err := p.Attach()
		if err != nil {
			return nil, err
		}
		r, err := l.Iterate()
		if err == nil {
			_, err = r.Read(make([]byte, 10))
			r.Close() // TestReaderFaults checks its error
		}
		if err != nil {
			l.Close()
			return nil, err
		}
		return l, nil
	})},
	{"fentry", hasTrampolines, linking("fentry", "on_entry", (*bpf.Program).Attach)},
	{"LSM", hasTrampolines, linking("fentry", "deny", (*bpf.Program).Attach)},
	{"pin of a map", everywhere, pinned(func(t *testing.T, dir string) (pin, unpin func() error) {
		m := load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true}).Map("array")
		return func() error { return m.Pin(dir + "/array") }, m.Unpin
	})},
	{"pin of a program", everywhere,
		pinned(func(t *testing.T, dir string) (pin, unpin func() error) {
			p := loadedProgram(t, "link", "xdp")
			return func() error { return p.Pin(dir + "/xdp") }, func() error { return p.Unpin() }
		})},
	{"pin of a link", everywhere, pinned(func(t *testing.T, dir string) (pin, unpin func() error) {
		l := attached(t, loadedProgram(t, "link", "raw_tp"))
		return func() error { return l.Pin(dir + "/raw_tp") }, l.Unpin
	})},
	{"pins of an object", everywhere,
		pinned(func(t *testing.T, dir string) (pin, unpin func() error) {
			obj := load(t, only(open(t, "link"), "xdp"), nil)
			return func() error { return obj.Pin(dir) }, func() error { return obj.Unpin(dir) }
		})},
	{"struct_ops link", func(t testing.TB) bool {
		return hasBTF(t) && atLeast(6, 4)
	}, func(t *testing.T) (*bpf.Program, hooking) {
		return nil, ofLink(structOpsMap(t, "linked").AttachStructOps)
	}},
	{"struct_ops", hasBTF, func(t *testing.T) (*bpf.Program, hooking) {
		var m *bpf.Map
		hook := ofLink(func() (*bpf.Link, error) { return m.AttachStructOps() })
		close := hook.detach
		hook.detach = func() error {
			err := close()
			if err == nil && congestion(t, "purebpf_plain") { // it was reported as failed
				err = m.Delete(make([]byte, 4))
			}
			return err
		}
		var last *bpf.Object
		hook.before = func() {
			waitNothing(t, hook.left)
			if last != nil {
				last.Close()
			}
			o := open(t, "structops")
			for _, other := range o.Maps {
				if other.StructOps != nil {
					other.Autocreate = other.Name == "plain"
				}
			}
			last = load(t, o, nil)
			m = last.Map("plain")
		}
		hook.left = func() string {
			if congestion(t, "purebpf_plain") {
				return "purebpf_plain is registered"
			}
			return ""
		}
		return nil, hook
	}},
}

func linking(file, program string,
	attach func(*bpf.Program) (*bpf.Link, error)) func(t *testing.T) (*bpf.Program, hooking) {
	return func(t *testing.T) (*bpf.Program, hooking) {
		p := loadedProgram(t, file, program)
		return p, ofLink(func() (*bpf.Link, error) { return attach(p) })
	}
}

func ofLink(attach func() (*bpf.Link, error)) hooking {
	var l *bpf.Link
	return hooking{
		attach: func() (err error) { l, err = attach(); return err },
		detach: func() error {
			if l == nil {
				return nil
			}
			return l.Close()
		},
	}
}

// pinned pins in a directory of its own.
func pinned(
	make func(t *testing.T, dir string) (pin, unpin func() error),
) func(t *testing.T) (*bpf.Program, hooking) {
	return func(t *testing.T) (*bpf.Program, hooking) {
		dir := testkit.BPFFS(t)
		pin, unpin := make(t, dir)
		there := func() []string {
			list, err := filepath.Glob(dir + "/*")
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		detach := func() error {
			err := unpin()
			for _, path := range there() { // nobody owns a pin that was reported as failed
				os.Remove(path)
			}
			if len(there()) == 0 {
				return nil
			}
			return err
		}
		return nil, hooking{attach: pin, detach: detach, left: func() string {
			return strings.Join(there(), " ")
		}}
	}
}

// leftLinks returns the links of a program in the kernel, and the events of this process in
// tracefs.
func leftLinks(t *testing.T, program uint32) string {
	t.Helper()
	var left []string
	for id, err := sys.LinkNextID(0); err == nil; id, err = sys.LinkNextID(id) {
		fd, err := sys.LinkFDByID(id)
		if err != nil {
			continue // of another test, and gone
		}
		info, err := sys.LinkInfoByFD(fd.Int())
		if err == nil && info.ProgID == program {
			left = append(left, fmt.Sprintf("link %d", id))
		}
		fd.Close()
	}
	for _, name := range []string{"kprobe_events", "uprobe_events"} {
		text, _ := os.ReadFile(filepath.Join("/sys/kernel/tracing", name))
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, fmt.Sprintf("purebpf_%d_", os.Getpid())) {
				left = append(left, name+": "+strings.TrimSpace(line))
			}
		}
	}
	return strings.Join(left, ", ")
}

// TestAttachFaults makes each call of attaching and of detaching fail, by every kind of hook, with
// each errno: once, always, and after it took effect. Afterwards no descriptor is open, and no
// link, filter or event is left; the effect of a call that reported an error can be undone. The
// oracles are /proc/self/fd, the kernel's ids of links, tracefs, and in the end bpftool.
func TestAttachFaults(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	for _, h := range hookings {
		t.Run(h.name, func(t *testing.T) {
			if !h.has(t) {
				testkit.Skip(t, "the kernel has no such hook")
			}
			testkit.Netns(t)
			p, hook := h.make(t)
			sweepHook(t, p, hook)
			if shown := testkit.Run(t, "bpftool",
				"net", "show"); strings.Contains(string(shown), "(1) ") {
				t.Errorf("bpftool shows %s", shown)
			}
		})
	}
}

func sweepHook(t *testing.T, p *bpf.Program, hook hooking) {
	left := hook.left
	if left == nil {
		id := ^uint32(0)
		if p != nil {
			id = bpftest.ProgramID(t, p)
		}
		left = func() string { return leftLinks(t, id) }
	}
	with := func(f *failing, do func() error) error {
		defer funnel.Replace(f)()
		return do()
	}
	prepare := func() {
		if hook.before != nil {
			hook.before()
		}
	}
	attaching, detaching := &failing{at: -1}, &failing{at: -1}
	for range 2 { // calls that are made once a process are made in the first round
		attaching.calls, detaching.calls = nil, nil
		prepare()
		if err := with(attaching, hook.attach); err != nil {
			t.Fatal(err)
		}
		if err := with(detaching, hook.detach); err != nil {
			t.Fatal(err)
		}
	}
	waitNothing(t, left)
	base := testkit.FDs()
	clean := func(where string) {
		t.Helper()
		if now := testkit.FDs(); !slices.Equal(now, base) {
			t.Fatalf("%s: descriptors before %v, after %v", where, base, now)
		}
		if what := left(); what != "" {
			waitNothing(t, left) // programs are freed after a grace period
			if t.Failed() {
				t.Fatalf("%s: left: %s", where, what)
			}
		}
	}
	total := len(attachErrnos) * (len(attaching.calls) + len(detaching.calls))
	some := testkit.Sample(t, "calls and errnos", total, 36)
	for i := range some {
		n := i * total / some
		at, errno := n/len(attachErrnos), attachErrnos[n%len(attachErrnos)]
		for mode, f := range []*failing{{}, {always: true}, {late: true}} {
			f.errno = errno
			if at < len(attaching.calls) {
				f.at = at
				prepare()
				err := with(f, hook.attach)
				where := fmt.Sprintf("attach: call %d, %s failed with %v, mode %d: %v",
					at, f.failed, errno, mode, err)
				judgeHook(t, f, where, err)
				if err == nil || f.late && hook.left != nil && left() != "" {
					if err := hook.detach(); err != nil {
						t.Errorf("%s: detach: %v", where, err)
					}
				}
				clean(where)
				continue
			}
			f.at = at - len(attaching.calls)
			prepare()
			if err := hook.attach(); err != nil {
				t.Fatal(err)
			}
			err := with(f, hook.detach)
			where := fmt.Sprintf("detach: call %d, %s failed with %v, mode %d: %v",
				f.at, f.failed, errno, mode, err)
			judgeHook(t, f, where, err)
			if err != nil {
				hook.detach() // again: it may be gone
			}
			clean(where)
		}
	}
}

func judgeHook(t *testing.T, f *failing, where string, err error) {
	t.Helper()
	switch {
	case f.count > withoutEnd:
		t.Fatalf("%s: tried without end", where)
	case f.count == 0:
		t.Errorf("%s: the call is not made this time", where)
	case err != nil && strings.ContainsRune(err.Error(), '\n'):
		t.Errorf("%s: not one line", where)
	}
}

func waitNothing(t *testing.T, left func() string) {
	t.Helper()
	what := ""
	testkit.Until(t, "nothing is attached", func() bool { what = left(); return what == "" })
	if what != "" {
		t.Fatalf("left: %s", what)
	}
}
