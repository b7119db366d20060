package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel: what programs of testdata/cgroup.bpf.c count and refuse
// when this process, in a cgroup of its own, makes system calls; also bpftool.

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
	cgBind6
	cgPostBind6
	cgSendmsg6
	cgRecvmsg6
	cgGetpeername6
	cgGetsockname6
	cgSendmsgUnix
	cgRecvmsgUnix
	cgGetpeernameUnix
	cgGetsocknameUnix
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
	join := func(dir string) error {
		return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0)
	}
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

func array[T any](t testing.TB, obj *bpf.Object, name string) *T {
	t.Helper()
	p, err := bpf.VarOf[T](obj.Variable(name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var cgroupHooks = []struct {
	feature string // row of the table of features × kernels
	program string
	index   int
	min     string // kernel
	typ     uapi.AttachType
	trigger func() error
	without error // the trigger's error without the program
	denied  error // its error when the program refuses; nil if it can't
}{
	{"cgroup_skb ingress", "ingress", cgIngress, "", 0, udpToSelf, nil, unix.EAGAIN},
	{"cgroup_skb egress", "egress", cgEgress, "", 0, udpSend, nil, unix.EPERM},
	{"cgroup_skb of unsaid direction", "either", cgSKB, "", uapi.AttachCgroupInetEgress, udpSend,
		nil, unix.EPERM},
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
	{"cgroup bind6", "bind6", cgBind6, "", 0, udpToSelf6, nil, unix.EPERM},
	{"cgroup post_bind6", "post_bind6", cgPostBind6, "", 0, udpToSelf6, nil, unix.EPERM},
	{"cgroup sendmsg6", "sendmsg6", cgSendmsg6, "", 0, udpToSelf6, nil, unix.EPERM},
	{"cgroup recvmsg6", "recvmsg6", cgRecvmsg6, "", 0, udpToSelf6, nil, nil},
	{"cgroup getpeername6", "getpeername6", cgGetpeername6, "", 0, connect6, nil, nil},
	{"cgroup getsockname6", "getsockname6", cgGetsockname6, "", 0, udpToSelf6, nil, nil},
	{"cgroup connect_unix", "connect_unix", cgConnectUnix, "6.7", 0, unixConnect, nil, unix.EPERM},
	{"cgroup sendmsg_unix", "sendmsg_unix", cgSendmsgUnix, "6.7", 0, unixToSelf, nil, unix.EPERM},
	{"cgroup recvmsg_unix", "recvmsg_unix", cgRecvmsgUnix, "6.7", 0, unixToSelf, nil, nil},
	{"cgroup getpeername_unix", "getpeername_unix", cgGetpeernameUnix, "6.7", 0, unixConnect, nil,
		nil},
	{"cgroup getsockname_unix", "getsockname_unix", cgGetsocknameUnix, "6.7", 0, unixToSelf, nil,
		nil},
	{"cgroup getsockopt", "getsockopt", cgGetsockopt, "", 0, getTOS, unix.ENODATA, nil},
	{"cgroup setsockopt", "setsockopt", cgSetsockopt, "", 0, setTOS, nil, unix.EPERM},
	{"cgroup sysctl", "sysctl", cgSysctl, "", 0, openPath("/proc/sys/kernel/ostype"), nil,
		unix.EPERM},
	{"cgroup device", "device", cgDevice, "", 0, openPath("/dev/zero"), nil, unix.EPERM},
	{"sockops", "sockops", cgSockops, "", 0, tcpConnect, nil, nil},
}

// TestCgroupHooks attaches to each hook by a link and without one, sees the program run and refuse,
// and detaches.
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
			add := &nolink.CgroupOptions{CgroupOptions: bpf.CgroupOptions{Type: h.typ}}
			remove := &nolink.RemoveCgroupOptions{Type: h.typ}
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
				hook, err := hooks.QueryFile(dir, where, 0)
				if err != nil || len(hook.Programs) != 1 ||
					hook.Programs[0].ID != bpftest.ProgramID(t, p) {
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
				if hook, err := hooks.QueryFile(dir, where, 0); err != nil ||
					len(hook.Programs) != 0 {
					t.Errorf("%s: query: %+v %v", how, hook, err)
				}
			}
			over("before")
			link, err := p.AttachCgroup(dir, &add.CgroupOptions)
			if err != nil {
				t.Fatal(err)
			}
			works("link")
			if info, err := link.Info(); err != nil || info.Type != uapi.LinkCgroup ||
				*info.Detail.(*linkinfo.Cgroup) != (linkinfo.Cgroup{CgroupID: inodeOf(t, dir),
					AttachType: where}) {
				t.Errorf("%+v %v", info, err)
			}
			if err := nolink.RemoveCgroup(p, dir, remove); !errors.Is(err, bpf.ErrNotExist) {
				t.Errorf("it takes away a link: %v", err)
			}
			if err := link.Close(); err != nil {
				t.Error(err)
			}
			over("after the link")
			for _, mode := range []nolink.CgroupMode{nolink.CgroupExclusive, nolink.CgroupOverride,
				nolink.CgroupMulti} {
				add.Mode = mode
				if err := nolink.AddCgroup(p, dir, add); err != nil {
					t.Fatal(mode, err)
				}
				works(mode.String())
				if err := nolink.RemoveCgroup(p, dir, remove); err != nil {
					t.Error(mode, err)
				}
				over("after " + mode.String())
			}
		})
	}
}

// TestCgroupConnectRedirect: a program redirects a connection.
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

// TestCgroupRefused: paths that are no cgroup, programs that don't fit, programs that aren't
// loaded, options that the kernel lacks.
func TestCgroupRefused(t *testing.T) {
	dir := testkit.Cgroup(t)
	obj := load(t, only(open(t, "cgroup"), "sock_create", "not_for_cgroups"), nil)
	p, wrong := obj.Program("sock_create"), obj.Program("not_for_cgroups")
	for _, attach := range []func(p *bpf.Program, path string) error{
		func(p *bpf.Program, path string) error { return second(p.AttachCgroup(path, nil)) },
		func(p *bpf.Program, path string) error { return nolink.AddCgroup(p, path, nil) },
	} {
		if err := attach(p, dir+"/absent"); !errors.Is(err, bpf.ErrNotExist) ||
			!strings.Contains(err.Error(), dir+"/absent") {
			t.Error(err)
		}
		if err := attach(p, os.TempDir()); !errors.Is(err, syscall.EBADF) ||
			!strings.Contains(err.Error(), "want a directory of a cgroup2 file system") {
			t.Error(err)
		}
		if err := attach(wrong, dir); !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(),
				"the program is of type xdp, want cgroup_skb") {
			t.Error(err)
		}
		if err := attach(obj.Program("bind4"), dir); !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), "was not loaded") {
			t.Error(err)
		}
	}
	if _, err := hooks.QueryFile(dir+"/absent", 0, 0); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	if _, err := hooks.QueryFile(dir, uapi.AttachXDP, 0); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
	// The kernel checks the attach type of the load.
	if _, err := p.AttachCgroup(dir,
		&bpf.CgroupOptions{Type: uapi.AttachCgroupInet4PostBind}); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}

// TestCgroupReopened: a program that was opened by id needs the hook as an option; the query lists
// more programs than fit at once.
func TestCgroupReopened(t *testing.T) {
	dir := testkit.Cgroup(t)
	var objects []*bpf.Object
	for range 20 {
		objects = append(objects, load(t, only(open(t, "cgroup"), "egress"), nil))
	}
	where := uapi.AttachCgroupInetEgress
	for _, obj := range objects {
		p, err := bpf.ProgramFromID(bpftest.ProgramID(t, obj.Program("egress")))
		if err != nil {
			t.Fatal(err)
		}
		if err := nolink.AddCgroup(p, dir,
			&nolink.CgroupOptions{CgroupOptions: bpf.CgroupOptions{Type: where},
				Mode: nolink.CgroupMulti}); err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	hook, err := hooks.QueryFile(dir, where, 0)
	if err != nil || len(hook.Programs) != len(objects) {
		t.Fatalf("%+v %v", hook, err)
	}
	for i, obj := range objects {
		if hook.Programs[i].ID != bpftest.ProgramID(t, obj.Program("egress")) {
			t.Errorf("%d: %+v", i, hook.Programs[i])
		}
		if err := nolink.RemoveCgroup(obj.Program("egress"), dir, nil); err != nil {
			t.Error(err)
		}
	}
}

// outcome returns the error of an attempt to attach, and closes the link.
func outcome(l *bpf.Link, err error) error {
	if err == nil {
		l.Close()
	}
	return err
}
