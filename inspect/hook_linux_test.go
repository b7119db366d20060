package inspect_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

func ids(h *inspect.Hook) (ids []uint32) {
	for _, p := range h.Programs {
		ids = append(ids, p.ProgramID)
	}
	return ids
}

// shown returns the ids of programs that a command of bpftool lists.
func shown(t *testing.T, args ...string) (ids []uint32) {
	t.Helper()
	var list []struct{ ID uint32 }
	out := testkit.Run(t, "bpftool", append([]string{"-j"}, args...)...)
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, p := range list {
		ids = append(ids, p.ID)
	}
	return ids
}

// TestCgroup lists what is attached to a cgroup and what runs in one below. The oracle is bpftool.
func TestCgroup(t *testing.T) {
	dir := testkit.Cgroup(t)
	below := dir + "/below"
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(below)
	obj := bpftest.Load(t, "../testdata/cgroup.bpf.o", "first", "second")
	multi := &nolink.CgroupOptions{Mode: nolink.CgroupMulti}
	for _, name := range []string{"first", "second"} {
		if err := nolink.AddCgroup(obj.Program(name), dir, multi); err != nil {
			t.Fatal(err)
		}
	}
	const where = uapi.AttachCgroupInetSockCreate
	at, err := inspect.Cgroup(dir, where)
	if err != nil || at.Flags != uapi.FAllowMulti {
		t.Fatalf("%+v %v", at, err)
	}
	if want := shown(t, "cgroup", "show", dir); !slices.Equal(ids(at), want) {
		t.Errorf("%v, bpftool says %v", ids(at), want)
	}
	if there, err := inspect.Cgroup(below, where); err != nil || len(there.Programs) != 0 {
		t.Errorf("%+v %v", there, err)
	}
	effective, err := inspect.CgroupEffective(below, where)
	if err != nil {
		t.Fatal(err)
	}
	if want := shown(t, "cgroup", "show", below, "effective"); !slices.Equal(ids(effective), want) {
		t.Errorf("%v, bpftool says %v", ids(effective), want)
	}
}

// TestInterface lists a program of tcx and one of XDP. The oracles are bpftool and ip.
func TestInterface(t *testing.T) {
	testkit.Netns(t)
	obj := bpftest.Load(t, "../testdata/link.bpf.o", "xdp")
	if _, err := nolink.SetXDP(obj.Program("xdp"),
		"lo", &nolink.XDPOptions{Mode: bpf.XDPGeneric}); err != nil {
		t.Fatal(err)
	}
	var links []struct {
		XDP struct {
			Prog struct{ ID uint32 }
		}
	}
	out := testkit.Run(t, "ip", "-j", "link", "show", "lo")
	if err := json.Unmarshal(out, &links); err != nil || len(links) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	id := links[0].XDP.Prog.ID
	want := inspect.XDPStatus{Mode: bpf.XDPGeneric, ProgramID: id, Generic: id}
	if status, err := inspect.XDP("lo"); err != nil || status != want {
		t.Errorf("%+v %v, ip says %+v", status, err, want)
	}

	testkit.Kernel(t, "6.6")
	tcx := bpftest.Load(t, "../testdata/link.bpf.o", "tcx").Program("tcx")
	link, err := tcx.AttachTCX("lo", uapi.AttachTCXIngress, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	info, err := link.Info()
	if err != nil {
		t.Fatal(err)
	}
	hook, err := inspect.Interface("lo", uapi.AttachTCXIngress)
	if err != nil || len(hook.Programs) != 1 || hook.Revision == 0 ||
		hook.Programs[0] != (inspect.HookedProgram{ProgramID: bpftest.ProgramID(t, tcx),
			LinkID: info.ID}) {
		t.Errorf("%+v %v, link %d", hook, err, info.ID)
	}
}

// TestSockMap lists the program of a map of sockets. The oracle is the program that was attached.
func TestSockMap(t *testing.T) {
	testkit.Kernel(t, "5.19")
	obj := bpftest.Load(t, "../testdata/link.bpf.o", "verdict")
	m, p := obj.Map("sockets"), obj.Program("verdict")
	if err := nolink.SetSockMap(p, m, nil); err != nil {
		t.Fatal(err)
	}
	hook, err := inspect.SockMap(m, p.ExpectedAttachType())
	if err != nil || !slices.Equal(ids(hook), []uint32{bpftest.ProgramID(t, p)}) {
		t.Errorf("%+v %v", hook, err)
	}
	if err := obj.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := inspect.SockMap(m, p.ExpectedAttachType()); !errors.Is(err, bpf.ErrClosed) ||
		!strings.Contains(err.Error(), "sockets") {
		t.Error(err)
	}
	if _, err := inspect.SockMap(nil, 0); err == nil {
		t.Error("no map has a hook")
	}
}

// TestRefused: queries of targets that don't exist name them. The oracle is the kernel's errno.
func TestRefused(t *testing.T) {
	dir := testkit.Cgroup(t)
	for _, c := range []struct {
		name string
		err  error
		is   error
		says string
	}{
		{"path", second(inspect.Cgroup(dir+"/absent", 0)), bpf.ErrNotExist, dir + "/absent"},
		{"type", second(inspect.Cgroup(dir, uapi.AttachXDP)), syscall.EINVAL, dir + " xdp"},
		{"netns", second(inspect.Netns("/proc/self/ns/none", 0)), bpf.ErrNotExist, "ns/none"},
		{"device", second(inspect.LIRC("/dev/absent")), bpf.ErrNotExist, "/dev/absent"},
		{"interface", second(inspect.Interface("absent0", uapi.AttachTCXIngress)), bpf.ErrNotExist,
			`"absent0"`},
		{"xdp", second(inspect.XDP("absent0")), bpf.ErrNotExist, `"absent0"`},
	} {
		if !errors.Is(c.err, c.is) || !strings.Contains(c.err.Error(), c.says) ||
			strings.Contains(c.err.Error(), "\n") {
			t.Errorf("%s: %v", c.name, c.err)
		}
		var e *bpf.Error
		if !errors.As(c.err, &e) || e.Hint != "" {
			t.Errorf("%s: %#v", c.name, c.err)
		}
	}
	if _, err := inspect.LIRC("/dev/null"); err == nil {
		t.Error("/dev/null is an infrared receiver")
	}
}

func second[T any](_ T, err error) error { return err }

// TestPrivileges queries with the capability that the doc comment names, and without it. The oracle
// is the kernel, which refuses the latter; the error names the capability.
func TestPrivileges(t *testing.T) {
	dir := testkit.Cgroup(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		since string
		need  kernel.Capability
		do    func() error
	}{
		{"Cgroup", "", kernel.CapNetAdmin, func() error {
			return second(inspect.Cgroup(dir, uapi.AttachCgroupInetIngress))
		}},
		{"Netns", "5.8", kernel.CapNetAdmin, func() error {
			return second(inspect.Netns(kernel.ThreadNetns, uapi.AttachSKLookup))
		}},
		{"Interface", "6.6", kernel.CapNetAdmin, func() error {
			return second(inspect.Interface("lo", uapi.AttachTCXIngress))
		}},
		{"Links", "5.8", kernel.CapSysAdmin,
			func() error { return second(inspect.Links(uapi.LinkXDP)) }},
		{"StructOps", "5.8", kernel.CapSysAdmin,
			func() error { return second(inspect.StructOps()) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.since != "" {
				testkit.Kernel(t, c.since)
			}
			if err := testkit.WithCapabilities(t, []kernel.Capability{c.need}, c.do); err != nil {
				t.Errorf("with %v: %v", c.need, err)
			}
			others := []kernel.Capability{kernel.CapBPF, kernel.CapPerfmon, kernel.CapDACOverride}
			if c.need == kernel.CapSysAdmin {
				others = append(others, kernel.CapNetAdmin)
			}
			err := testkit.WithCapabilities(t, others, c.do)
			if !errors.Is(err, bpf.ErrPermission) ||
				!strings.Contains(err.Error(), c.need.String()) {
				t.Errorf("without %v: %v", c.need, err)
			}
		})
	}
	xdp := func() error { return second(inspect.XDP("lo")) }
	if err := testkit.WithCapabilities(t, nil, xdp); err != nil {
		t.Errorf("XDP without capabilities: %v", err)
	}
}

// noGenericNetlink refuses generic netlink, as SELinux, seccomp filters and kernels do.
type noGenericNetlink struct {
	funnel.Kernel
	errno syscall.Errno
}

func (k noGenericNetlink) Netlink(family int, request []byte,
	receive func([]byte) (bool, error)) error {
	if family == syscall.NETLINK_GENERIC {
		return os.NewSyscallError("netlink socket", k.errno)
	}
	return k.Kernel.Netlink(family, request, receive)
}

// TestXDPWithoutFeatures: XDP reports programs also where the features are denied or unknown. The
// oracle is the program's id in the kernel.
func TestXDPWithoutFeatures(t *testing.T) {
	testkit.Netns(t)
	p := bpftest.Load(t, "../testdata/net.bpf.o", "xdp_pass").Program("xdp_pass")
	generic := &nolink.XDPOptions{Mode: bpf.XDPGeneric}
	if _, err := nolink.SetXDP(p, "lo", generic); err != nil {
		t.Fatal(err)
	}
	info, err := p.Info()
	if err != nil {
		t.Fatal(err)
	}
	want := inspect.XDPStatus{Mode: bpf.XDPGeneric, ProgramID: info.ID, Generic: info.ID}
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.EACCES, syscall.EPROTONOSUPPORT,
		syscall.EOPNOTSUPP, syscall.ENOENT} {
		restore := funnel.Replace(noGenericNetlink{errno: errno})
		status, err := inspect.XDP("lo")
		restore()
		if err != nil || status != want {
			t.Errorf("%v: %+v, %v", errno, status, err)
		}
	}
	defer funnel.Replace(noGenericNetlink{errno: syscall.ENOMEM})()
	if _, err := inspect.XDP("lo"); !errors.Is(err, syscall.ENOMEM) {
		t.Errorf("out of memory: %v", err)
	}
}
