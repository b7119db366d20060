package bpf

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel: what programs of testdata/cgroup.bpf.c count and refuse when this process, moved into a cgroup of
// its own, makes system calls; beside it bpftool.

// Indexes of runs in testdata/cgroup.bpf.c.
const (
	cgIngress = iota
	cgEgress
	cgSockCreate
	cgSockRelease
	cgConnect4
	cgBind4
	cgSendmsg4
	cgConnectUnix
	cgGetsockopt
	cgSetsockopt
	cgSysctl
	cgDevice
	cgSockops
	cgSKB
	cgPostBind4
	cgConnect6
	cgRecvmsg4
	cgGetpeername4
	cgGetsockname4
)

// enterCgroup moves this process into a new cgroup and network namespace until the test ends.
func enterCgroup(t *testing.T) string {
	t.Helper()
	testkit.Netns(t)
	dir := testkit.Cgroup(t)
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	_, home, ok := strings.Cut(string(own), "0::/")
	if !ok {
		t.Fatalf("no version 2 cgroup in %q", own)
	}
	home, _, _ = strings.Cut(home, "\n")
	join := func(dir string) error { return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0) }
	if err := join(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := join(filepath.Join(filepath.Dir(dir), home)); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func array[T any](t testing.TB, obj *Object, name string) *T {
	t.Helper()
	p, err := VarOf[T](obj.Variable(name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// socketOf makes a socket for one call of f.
func socketOf(domain, kind int, f func(s int) error) error {
	s, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	return f(s)
}

var loopback = [4]byte{127, 0, 0, 1}

// boundPort binds s to a free port of the loopback.
func boundPort(s int) (int, error) {
	if err := unix.Bind(s, &unix.SockaddrInet4{Addr: loopback}); err != nil {
		return 0, err
	}
	name, err := unix.Getsockname(s)
	if err != nil {
		return 0, err
	}
	return name.(*unix.SockaddrInet4).Port, nil
}

// udpToSelf sends a packet from a socket to itself and receives it.
func udpToSelf() error {
	return socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(s int) error {
		port, err := boundPort(s)
		if err != nil {
			return err
		}
		unix.SetsockoptTimeval(s, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 200_000})
		if err := unix.Sendto(s, []byte("x"), 0, &unix.SockaddrInet4{Port: port, Addr: loopback}); err != nil {
			return err
		}
		_, _, err = unix.Recvfrom(s, make([]byte, 8), 0)
		return err
	})
}

func udpSend() error {
	return socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(s int) error {
		return unix.Sendto(s, []byte("x"), 0, &unix.SockaddrInet4{Port: 9, Addr: loopback})
	})
}

// tcpConnect connects to a listener of its own.
func tcpConnect() error {
	return socketOf(unix.AF_INET, unix.SOCK_STREAM, func(l int) error {
		port, err := boundPort(l)
		if err != nil {
			return err
		}
		if err := unix.Listen(l, 1); err != nil {
			return err
		}
		return socketOf(unix.AF_INET, unix.SOCK_STREAM, func(s int) error {
			if err := unix.Connect(s, &unix.SockaddrInet4{Port: port, Addr: loopback}); err != nil {
				return err
			}
			_, err := unix.Getpeername(s)
			return err
		})
	})
}

func connect6() error {
	return socketOf(unix.AF_INET6, unix.SOCK_DGRAM, func(s int) error {
		return unix.Connect(s, &unix.SockaddrInet6{Port: 9, Addr: [16]byte(net.IPv6loopback)})
	})
}

// unixConnect connects to an abstract name where nobody listens.
func unixConnect() error {
	return socketOf(unix.AF_UNIX, unix.SOCK_STREAM, func(l int) error {
		if err := unix.Bind(l, &unix.SockaddrUnix{}); err != nil {
			return err
		}
		if err := unix.Listen(l, 1); err != nil {
			return err
		}
		name, err := unix.Getsockname(l)
		if err != nil {
			return err
		}
		return socketOf(unix.AF_UNIX, unix.SOCK_STREAM, func(s int) error { return unix.Connect(s, name) })
	})
}

func setTOS() error {
	return socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(s int) error { return unix.SetsockoptInt(s, unix.SOL_IP, unix.IP_TOS, 8) })
}

// getTOS expects what the program puts there, and otherwise fails with ENODATA.
func getTOS() error {
	return socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(s int) error {
		tos, err := unix.GetsockoptByte(s, unix.SOL_IP, unix.IP_TOS)
		if err == nil && tos != 0x2a {
			err = unix.ENODATA
		}
		return err
	})
}

func openPath(path string) func() error {
	return func() error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.Read(make([]byte, 1))
		return err
	}
}

var cgroupHooks = []struct {
	feature string // row of the table of features × kernels
	program string
	index   int
	min     string // kernel
	typ     uapi.AttachType
	trigger func() error
	without error // what the trigger says without the program
	denied  error // what it says when the program refuses; nil if it can't
}{
	{"cgroup_skb ingress", "ingress", cgIngress, "", 0, udpToSelf, nil, unix.EAGAIN},
	{"cgroup_skb egress", "egress", cgEgress, "", 0, udpSend, nil, unix.EPERM},
	{"cgroup_skb of unsaid direction", "either", cgSKB, "", uapi.AttachCgroupInetEgress, udpSend, nil, unix.EPERM},
	{"cgroup sock_create", "sock_create", cgSockCreate, "", 0, udpSend, nil, unix.EPERM},
	{"cgroup sock_release", "sock_release", cgSockRelease, "", 0, udpSend, nil, nil},
	{"cgroup connect4", "connect4", cgConnect4, "", 0, tcpConnect, nil, unix.EPERM},
	{"cgroup connect6", "connect6", cgConnect6, "", 0, connect6, nil, unix.EPERM},
	{"cgroup bind4", "bind4", cgBind4, "", 0, udpToSelf, nil, unix.EPERM},
	{"cgroup post_bind4", "post_bind4", cgPostBind4, "", 0, udpToSelf, nil, unix.EPERM},
	{"cgroup sendmsg4", "sendmsg4", cgSendmsg4, "", 0, udpSend, nil, unix.EPERM},
	{"cgroup recvmsg4", "recvmsg4", cgRecvmsg4, "", 0, udpToSelf, nil, nil},
	{"cgroup getpeername4", "getpeername4", cgGetpeername4, "", 0, tcpConnect, nil, nil},
	{"cgroup getsockname4", "getsockname4", cgGetsockname4, "", 0, udpToSelf, nil, nil},
	{"cgroup connect_unix", "connect_unix", cgConnectUnix, "6.7", 0, unixConnect, nil, unix.EPERM},
	{"cgroup getsockopt", "getsockopt", cgGetsockopt, "", 0, getTOS, unix.ENODATA, nil},
	{"cgroup setsockopt", "setsockopt", cgSetsockopt, "", 0, setTOS, nil, unix.EPERM},
	{"cgroup sysctl", "sysctl", cgSysctl, "", 0, openPath("/proc/sys/kernel/ostype"), nil, unix.EPERM},
	{"cgroup device", "device", cgDevice, "", 0, openPath("/dev/zero"), nil, unix.EPERM},
	{"sockops", "sockops", cgSockops, "", 0, tcpConnect, nil, nil},
}

// TestCgroupHooks attaches to each hook by a link and without, sees the program run and refuse, and detaches.
func TestCgroupHooks(t *testing.T) {
	for _, h := range cgroupHooks {
		t.Run(h.feature, func(t *testing.T) {
			if h.min != "" {
				testkit.Kernel(t, h.min)
			}
			dir := enterCgroup(t)
			obj := load(t, only(open(t, "cgroup"), h.program), nil)
			p := obj.Program(h.program)
			runs, deny := &array[[32]uint64](t, obj, "runs")[h.index], array[uint32](t, obj, "deny")
			opts := &CgroupOptions{Type: h.typ, Mode: CgroupMulti}
			where := p.ExpectedAttachType()
			if h.typ != 0 {
				where = h.typ
			}
			works := func(how string) {
				t.Helper()
				*runs = 0
				if err := h.trigger(); err != nil {
					t.Errorf("%s: %v", how, err)
				}
				if *runs == 0 {
					t.Errorf("%s: the program didn't run", how)
				}
				hook, err := QueryCgroup(dir, where, false)
				if err != nil || len(hook.Programs) != 1 || hook.Programs[0].ProgramID != programID(t, p) {
					t.Errorf("%s: query: %+v %v", how, hook, err)
				}
				if h.denied == nil {
					return
				}
				*deny = 1
				err = h.trigger()
				*deny = 0
				if !errors.Is(err, h.denied) {
					t.Errorf("%s: the program refuses, the system call says %v", how, err)
				}
			}
			over := func(how string) {
				t.Helper()
				*runs = 0
				if err := h.trigger(); !errors.Is(err, h.without) {
					t.Errorf("%s: %v", how, err)
				}
				if *runs != 0 {
					t.Errorf("%s: it runs", how)
				}
				if hook, err := QueryCgroup(dir, where, false); err != nil || len(hook.Programs) != 0 {
					t.Errorf("%s: query: %+v %v", how, hook, err)
				}
			}
			over("before")
			link, err := p.AttachCgroup(dir, opts)
			if err != nil {
				t.Fatal(err)
			}
			works("link")
			if info, err := link.Info(); err != nil || info.Type != uapi.LinkCgroup || *info.Detail.(*CgroupLink) != (CgroupLink{inodeOf(t, dir), where}) {
				t.Errorf("%+v %v", info, err)
			}
			if err := p.UnsetCgroup(dir, opts); !errors.Is(err, ErrNotExist) {
				t.Errorf("it takes away a link: %v", err)
			}
			if err := link.Close(); err != nil {
				t.Error(err)
			}
			over("after the link")
			for _, mode := range []CgroupMode{CgroupExclusive, CgroupOverride, CgroupMulti} {
				opts.Mode = mode
				if err := p.SetCgroup(dir, opts); err != nil {
					t.Fatal(mode, err)
				}
				works(mode.String())
				if err := p.UnsetCgroup(dir, opts); err != nil {
					t.Error(mode, err)
				}
				over("after " + mode.String())
			}
		})
	}
}

// TestCgroupConnectRedirect: a program sends a connection elsewhere.
func TestCgroupConnectRedirect(t *testing.T) {
	dir := enterCgroup(t)
	obj := load(t, only(open(t, "cgroup"), "connect4"), nil)
	link, err := obj.Program("connect4").AttachCgroup(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	err = socketOf(unix.AF_INET, unix.SOCK_STREAM, func(l int) error {
		port, err := boundPort(l)
		if err != nil {
			return err
		}
		if err := unix.Listen(l, 1); err != nil {
			return err
		}
		*array[uint16](t, obj, "redirect_port") = uint16(port)
		return socketOf(unix.AF_INET, unix.SOCK_STREAM, func(s int) error {
			if err := unix.Connect(s, &unix.SockaddrInet4{Port: 1, Addr: loopback}); err != nil {
				return err
			}
			name, err := unix.Getpeername(s)
			if err == nil && name.(*unix.SockaddrInet4).Port != port {
				t.Errorf("connected to %v, not %d", name, port)
			}
			return err
		})
	})
	if err != nil {
		t.Error(err)
	}
}

func inodeOf(t *testing.T, path string) uint64 {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Ino
}

// createSocket makes programs of sock_create run.
func createSocket(t *testing.T) {
	t.Helper()
	if err := socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestCgroupModes: what exclusive, override and multi mean to others and to cgroups below, and what errors say.
func TestCgroupModes(t *testing.T) {
	dir := enterCgroup(t)
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(below) })
	obj := load(t, only(open(t, "cgroup"), "first", "second", "third"), nil)
	first, second, third := obj.Program("first"), obj.Program("second"), obj.Program("third")
	order := array[uint64](t, obj, "order")
	ran := func() uint64 {
		*order = 0
		createSocket(t)
		return *order
	}
	set := func(p *Program, dir string, mode CgroupMode) {
		t.Helper()
		if err := p.SetCgroup(dir, &CgroupOptions{Mode: mode}); err != nil {
			t.Fatal(err)
		}
	}
	unset := func(p *Program, dir string) {
		t.Helper()
		if err := p.UnsetCgroup(dir, nil); err != nil {
			t.Fatal(err)
		}
	}
	busy := func(err error) {
		t.Helper()
		if !errors.Is(err, syscall.EPERM) || !strings.Contains(err.Error(), "(first) is attached there") {
			t.Error(err)
		}
	}

	set(first, dir, CgroupExclusive)
	busy(second.SetCgroup(dir, &CgroupOptions{Mode: CgroupMulti}))
	busy(second.SetCgroup(below, &CgroupOptions{Mode: CgroupMulti}))
	_, err := second.AttachCgroup(dir, nil)
	busy(err)
	_, err = second.AttachCgroup(below, nil)
	busy(err)
	if err := second.UnsetCgroup(dir, nil); !errors.Is(err, ErrNotExist) {
		t.Errorf("it takes away another program: %v", err)
	}
	if n := ran(); n != 1 {
		t.Error("ran:", n)
	}
	set(second, dir, CgroupExclusive) // in place of the first
	if n := ran(); n != 2 {
		t.Error("ran:", n)
	}
	unset(second, dir)

	set(first, dir, CgroupOverride)
	set(second, below, CgroupOverride)
	if effective, err := QueryCgroup(below, uapi.AttachCgroupInetSockCreate, true); err != nil || len(effective.Programs) != 1 || effective.Programs[0].ProgramID != programID(t, second) {
		t.Errorf("%+v %v", effective, err)
	}
	unset(second, below)
	if effective, err := QueryCgroup(below, uapi.AttachCgroupInetSockCreate, true); err != nil || len(effective.Programs) != 1 || effective.Programs[0].ProgramID != programID(t, first) {
		t.Errorf("%+v %v", effective, err)
	}
	unset(first, dir)

	set(first, dir, CgroupMulti)
	set(second, dir, CgroupMulti)
	if n := ran(); n != 12 {
		t.Error("ran:", n)
	}
	if err := first.SetCgroup(dir, &CgroupOptions{Mode: CgroupMulti}); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "is attached there already") {
		t.Error(err)
	}
	if err := third.SetCgroup(dir, &CgroupOptions{Mode: CgroupMulti, Replace: third}); !errors.Is(err, ErrNotExist) {
		t.Error(err)
	}
	if err := third.SetCgroup(dir, &CgroupOptions{Mode: CgroupMulti, Replace: first}); err != nil {
		t.Error(err)
	}
	if n := ran(); n != 32 {
		t.Error("ran after replacement:", n)
	}
	// A link beside programs without: only they can be taken away.
	link, err := first.AttachCgroup(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := ran(); n != 321 {
		t.Error("ran:", n)
	}
	hook, err := QueryCgroup(dir, uapi.AttachCgroupInetSockCreate, false)
	if err != nil || len(hook.Programs) != 3 || hook.Flags != uapi.FAllowMulti {
		t.Errorf("%+v %v", hook, err)
	}
	var shown []struct {
		ID   uint32
		Name string
	}
	if out := oracle(t, "bpftool", "-j", "cgroup", "show", dir); out != nil {
		if err := json.Unmarshal(out, &shown); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for i, p := range hook.Programs {
			if len(shown) != 3 || shown[i].ID != p.ProgramID {
				t.Errorf("bpftool says %s, query %+v", out, hook)
				break
			}
		}
	}
	if err := link.Update(second, first); err == nil {
		if n := ran(); n != 322 {
			t.Error("ran after update:", n)
		}
	} else {
		t.Error(err)
	}
	if err := link.Detach(); err != nil {
		t.Error(err)
	}
	link.Close()
	unset(third, dir)
	unset(second, dir)
	if n := ran(); n != 0 {
		t.Error("ran:", n)
	}
	for _, wrong := range []*CgroupOptions{{Mode: 8}, {Mode: CgroupExclusive, Replace: first}} {
		if err := first.SetCgroup(dir, wrong); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	if _, err := first.AttachCgroup(dir, &CgroupOptions{Replace: second}); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "Update") {
		t.Error(err)
	}
}

// TestCgroupAnchors: places among others and revisions.
func TestCgroupAnchors(t *testing.T) {
	testkit.Kernel(t, "6.16")
	dir := enterCgroup(t)
	obj := load(t, only(open(t, "cgroup"), "first", "second", "third"), nil)
	first, second, third := obj.Program("first"), obj.Program("second"), obj.Program("third")
	order := array[uint64](t, obj, "order")
	attach := func(p *Program, opts *CgroupOptions) *Link {
		t.Helper()
		l, err := p.AttachCgroup(dir, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	expect := func(want uint64) {
		t.Helper()
		*order = 0
		createSocket(t)
		if *order != want {
			t.Errorf("ran in order %d, not %d", *order, want)
		}
	}
	attach(first, nil)
	two := attach(second, &CgroupOptions{Anchor: First()})
	expect(21)
	three := attach(third, &CgroupOptions{Anchor: AfterLink(two)})
	expect(231)
	three.Close()
	three = attach(third, &CgroupOptions{Anchor: BeforeLinkID(linkID(t, two))})
	expect(321)
	three.Close()
	if err := third.SetCgroup(dir, &CgroupOptions{Mode: CgroupMulti, Anchor: Last()}); err != nil {
		t.Fatal(err)
	}
	expect(213)
	two.Close()
	// Next to a program without a link there is place for another one without.
	set := func(p *Program, opts *CgroupOptions) error {
		opts.Mode = CgroupMulti
		return p.SetCgroup(dir, opts)
	}
	if err := set(second, &CgroupOptions{Anchor: Before(third)}); err != nil {
		t.Fatal(err)
	}
	expect(123)
	if err := second.UnsetCgroup(dir, nil); err != nil {
		t.Error(err)
	}
	hook, err := QueryCgroup(dir, uapi.AttachCgroupInetSockCreate, false)
	if err != nil || hook.Revision == 0 {
		t.Fatalf("%+v %v", hook, err)
	}
	if err := set(second, &CgroupOptions{Anchor: AfterID(programID(t, third)), Revision: hook.Revision}); err != nil {
		t.Fatal(err)
	}
	expect(132)
	if err := second.UnsetCgroup(dir, &CgroupOptions{Revision: hook.Revision}); !errors.Is(err, syscall.ESTALE) {
		t.Error(err)
	}
	if err := second.UnsetCgroup(dir, &CgroupOptions{Revision: hook.Revision + 1}); err != nil {
		t.Error(err)
	}
	for _, err := range []error{outcome(second.AttachCgroup(dir, &CgroupOptions{Revision: hook.Revision})), set(second, &CgroupOptions{Revision: hook.Revision})} {
		if !errors.Is(err, syscall.ESTALE) || !strings.Contains(err.Error(), "revision is") {
			t.Error(err)
		}
	}
	if _, err := second.AttachCgroup(dir, &CgroupOptions{Anchor: Before(third)}); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "next to a link") {
		t.Error("a link next to a program:", err)
	}
	if err := third.UnsetCgroup(dir, nil); err != nil {
		t.Error(err)
	}
	expect(1)
	if err := set(second, &CgroupOptions{Anchor: Before(third)}); !errors.Is(err, ErrNotExist) {
		t.Error("an anchor that isn't there:", err)
	}
	closed := load(t, only(open(t, "cgroup"), "first"), nil)
	closed.Close()
	if _, err := second.AttachCgroup(dir, &CgroupOptions{Anchor: Before(closed.Program("first"))}); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "anchor, first") {
		t.Error(err)
	}
}

// TestCgroupPreorder: with Preorder an ancestor's program runs before the descendants'.
func TestCgroupPreorder(t *testing.T) {
	testkit.Kernel(t, "6.15")
	dir := enterCgroup(t)
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(below) })
	obj := load(t, only(open(t, "cgroup"), "first", "second"), nil)
	first, second := obj.Program("first"), obj.Program("second")
	effective := func(preorder bool) []HookedProgram {
		a, err := first.AttachCgroup(dir, &CgroupOptions{Preorder: preorder})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		b, err := second.AttachCgroup(below, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		hook, err := QueryCgroup(below, uapi.AttachCgroupInetSockCreate, true)
		if err != nil || len(hook.Programs) != 2 {
			t.Fatalf("%+v %v", hook, err)
		}
		return hook.Programs
	}
	if list := effective(false); list[0].ProgramID != programID(t, second) {
		t.Errorf("%+v", list)
	}
	if list := effective(true); list[0].ProgramID != programID(t, first) {
		t.Errorf("%+v", list)
	}
}

// TestCgroupRefused: what is no cgroup, programs that don't fit, programs that aren't loaded, options that the kernel lacks.
func TestCgroupRefused(t *testing.T) {
	dir := testkit.Cgroup(t)
	obj := load(t, only(open(t, "cgroup"), "sock_create", "not_for_cgroups"), nil)
	p, wrong := obj.Program("sock_create"), obj.Program("not_for_cgroups")
	for _, attach := range []func(p *Program, path string) error{
		func(p *Program, path string) error { return second(p.AttachCgroup(path, nil)) },
		func(p *Program, path string) error { return p.SetCgroup(path, nil) },
	} {
		if err := attach(p, dir+"/absent"); !errors.Is(err, ErrNotExist) || !strings.Contains(err.Error(), dir+"/absent") {
			t.Error(err)
		}
		if err := attach(p, os.TempDir()); !errors.Is(err, syscall.EBADF) && !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
		if err := attach(wrong, dir); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "it is a program of type xdp; what fits there is cgroup_skb") {
			t.Error(err)
		}
		if err := attach(obj.Program("bind4"), dir); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "was not loaded") {
			t.Error(err)
		}
	}
	if _, err := QueryCgroup(dir+"/absent", 0, false); !errors.Is(err, ErrNotExist) {
		t.Error(err)
	}
	if _, err := QueryCgroup(dir, uapi.AttachXDP, false); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
	// The kernel takes the attach type of the load seriously.
	if _, err := p.AttachCgroup(dir, &CgroupOptions{Type: uapi.AttachCgroupInet4PostBind}); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}

// TestCgroupReopened: a program that was opened by id says which hook; the query lists more than fit at once.
func TestCgroupReopened(t *testing.T) {
	dir := testkit.Cgroup(t)
	var objects []*Object
	for range 20 {
		objects = append(objects, load(t, only(open(t, "cgroup"), "egress"), nil))
	}
	where := uapi.AttachCgroupInetEgress
	for _, obj := range objects {
		p, err := ProgramFromID(programID(t, obj.Program("egress")))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.SetCgroup(dir, &CgroupOptions{Type: where, Mode: CgroupMulti}); err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	hook, err := QueryCgroup(dir, where, false)
	if err != nil || len(hook.Programs) != len(objects) {
		t.Fatalf("%+v %v", hook, err)
	}
	for i, obj := range objects {
		if hook.Programs[i].ProgramID != programID(t, obj.Program("egress")) {
			t.Errorf("%d: %+v", i, hook.Programs[i])
		}
		if err := obj.Program("egress").UnsetCgroup(dir, nil); err != nil {
			t.Error(err)
		}
	}
}

// outcome is what an attempt to attach came to.
func outcome(l *Link, err error) error {
	if err == nil {
		l.Close()
	}
	return err
}

// oracle runs a tool where it is installed; in test machines, which have none, the kernel is the only oracle and it returns nil.
func oracle(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	if os.Getenv("PUREBPF_TOOLS_REQUIRED") != "1" && !installed(name) {
		t.Logf("%s is not installed: not compared with it", name)
		return nil
	}
	return testkit.Run(t, name, args...)
}

func installed(name string) bool {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/local/sbin", "/usr/sbin", "/sbin") {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode()&0o111 != 0 {
			return true
		}
	}
	return false
}
