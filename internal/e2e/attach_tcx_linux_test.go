package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/anchor"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel: the order in which programs of testdata/net.bpf.c see
// packets that the test sends; also C libbpf.

// Indexes of runs in testdata/net.bpf.c.
const (
	netXDP = iota
	netXDPFrags
	netTC1
	netTC2
	netTC3
	netFilter
	netReuseport
	netLookup
	netDissector
	netParser
	netVerdict
	netMsg
	netNetfilter
	netLWTIn
	netLWTOut
	netLWTXmit
	netRedirect
	netDevmap
	netCPUMap
	netMigrate
	netSeg6Local
)

// sameAsLibbpf compares a query with that of C libbpf, where it is installed.
func sameAsLibbpf(t *testing.T, index int, where uapi.AttachType, hook *hooks.Hook) {
	t.Helper()
	if os.Getenv("PUREBPF_TOOLS_REQUIRED") != "1" && !installed("cc") {
		t.Log("no C compiler: not compared with libbpf")
		return
	}
	out, err := exec.Command(testkit.LibbpfProgram(t, "../../testdata/hook.c"), strconv.Itoa(index),
		strconv.Itoa(int(where))).Output()
	if err != nil {
		t.Fatal(err)
	}
	ours := strconv.FormatUint(hook.Revision, 10)
	for _, p := range hook.Programs {
		ours += fmt.Sprintf(" %d/%d", p.ID, p.LinkID)
	}
	if theirs := strings.TrimSpace(string(out)); ours != theirs {
		t.Errorf("%v: libbpf says %q, we %q", where, theirs, ours)
	}
}

// TestTCX attaches to both directions, before and after others, at revisions; update and query.
func TestTCX(t *testing.T) {
	testkit.Kernel(t, "6.6")
	testkit.Netns(t)
	obj := load(t, only(open(t, "net"), "tc_first", "tc_second", "tc_third", "tcx_in"), nil)
	first, second, third, in := obj.Program("tc_first"), obj.Program("tc_second"),
		obj.Program("tc_third"), obj.Program("tcx_in")
	order := counter(t, obj, "order")
	for _, where := range []uapi.AttachType{uapi.AttachTCXIngress, uapi.AttachTCXEgress} {
		expect := func(want uint64) {
			t.Helper()
			*order = 0
			sendUDP(t, 1) // where nobody listens: an ICMP answer comes back the same way
			if got := strconv.FormatUint(*order,
				10); !strings.HasPrefix(got, strconv.FormatUint(want, 10)) && want != 0 ||
				want == 0 && *order != 0 {
				t.Errorf("%v: order %s, not %d", where, got, want)
			}
		}
		attach := func(p *bpf.Program, opts *bpf.TCXOptions) *bpf.Link {
			t.Helper()
			l, err := p.AttachTCX("lo", where, opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			return l
		}
		expect(0)
		one := attach(first, nil)
		expect(1)
		two := attach(second, &bpf.TCXOptions{Anchor: anchor.First()})
		expect(21)
		three := attach(third, &bpf.TCXOptions{Anchor: anchor.Before(first)})
		expect(231)
		hook, err := hooks.QueryInterface("lo", where)
		if err != nil || len(hook.Programs) != 3 || hook.Revision == 0 ||
			hook.Programs[0].LinkID != linkID(t, two) ||
			hook.Programs[1].ID != bpftest.ProgramID(t, third) {
			t.Fatalf("%+v %v", hook, err)
		}
		sameAsLibbpf(t, 1, where, hook)
		if info, err := two.Info(); err != nil || info.Type != uapi.LinkTCX ||
			*info.Detail.(*linkinfo.TCX) != (linkinfo.TCX{IfIndex: 1, AttachType: where}) {
			t.Errorf("%+v %v", info, err)
		}
		if _, err := first.AttachTCX("lo", where, nil); !errors.Is(err, bpf.ErrExist) ||
			!strings.Contains(err.Error(), "is attached there already") {
			t.Error(err)
		}
		three.Close()
		if _, err := third.AttachTCX(
			"lo", where, &bpf.TCXOptions{Revision: hook.Revision}); !errors.Is(err,
			syscall.ESTALE) ||
			!strings.Contains(err.Error(),
				fmt.Sprintf("the hook's revision is %d, not %d", hook.Revision+1, hook.Revision)) {
			t.Error(err)
		}
		three = attach(third, &bpf.TCXOptions{Revision: hook.Revision + 1,
			Anchor: anchor.AfterLink(two)})
		expect(231)
		three.Close()
		three = attach(third, &bpf.TCXOptions{Anchor: anchor.BeforeID(bpftest.ProgramID(t, second))})
		expect(321)
		three.Close()
		three = attach(third, &bpf.TCXOptions{Anchor: anchor.AfterLinkID(linkID(t, one))})
		expect(213)
		if err := three.Update(in, third); err != nil {
			t.Error(err)
		}
		expect(214)
		if err := three.Detach(); err != nil {
			t.Error(err)
		}
		expect(21)
		// Without links.
		if err := nolink.AddTCX(third, "lo", where,
			&nolink.TCXOptions{TCXOptions: bpf.TCXOptions{Anchor: anchor.After(second)}}); err != nil {
			t.Fatal(err)
		}
		expect(231)
		if err := nolink.AddTCX(in,
			"lo", where, &nolink.TCXOptions{Replace: first}); !errors.Is(err, syscall.EBUSY) {
			t.Error("replaces what a link holds:", err)
		}
		if err := nolink.AddTCX(in, "lo", where, &nolink.TCXOptions{Replace: third}); err != nil {
			t.Error(err)
		}
		expect(241)
		if err := nolink.RemoveTCX(third, "lo", where); !errors.Is(err, bpf.ErrNotExist) {
			t.Error(err)
		}
		if err := nolink.RemoveTCX(second, "lo", where); !errors.Is(err, syscall.EBUSY) {
			t.Error("takes away a link:", err)
		}
		if err := nolink.RemoveTCX(in, "lo", where); err != nil {
			t.Error(err)
		}
		expect(21)
		if _, err := third.AttachTCX(
			"lo", where, &bpf.TCXOptions{Anchor: anchor.Before(in)}); !errors.Is(err,
			bpf.ErrNotExist) {
			t.Error("an anchor that isn't there:", err)
		}
		one.Close()
		two.Close()
		expect(0)
	}
}

// TestTCXMissing: a kernel before 6.6 refuses the attach type, and the error says so.
func TestTCXMissing(t *testing.T) {
	testkit.VmlinuxBTF(t) // which shows that
	testkit.Netns(t)
	p := load(t, only(open(t, "net"), "tc_first"), nil).Program("tc_first")
	l, err := p.AttachTCX("lo", uapi.AttachTCXIngress, nil)
	if err == nil {
		l.Close()
		testkit.Skip(t, "the kernel has tcx")
	}
	if !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "no attach type tcx_ingress") {
		t.Error(err)
	}
}

// TestTCXRefused: no such interface, wrong hooks and programs, programs that aren't loaded.
func TestTCXRefused(t *testing.T) {
	testkit.Kernel(t, "6.6")
	testkit.Netns(t)
	obj := load(t, only(open(t, "net"), "tc_first", "xdp_pass"), nil)
	p := obj.Program("tc_first")
	for _, attach := range []func(p *bpf.Program, iface string, where uapi.AttachType) error{
		func(p *bpf.Program, iface string, where uapi.AttachType) error {
			return outcome(p.AttachTCX(iface, where, nil))
		},
		func(p *bpf.Program, iface string,
			where uapi.AttachType) error {
			return nolink.AddTCX(p, iface, where, nil)
		},
	} {
		if err := attach(p, "absent0", uapi.AttachTCXIngress); !errors.Is(err, bpf.ErrNotExist) ||
			!strings.Contains(err.Error(), "absent0") {
			t.Error(err)
		}
		if err := attach(p, "lo", uapi.AttachNetkitPeer); !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), "tcx has the hooks") {
			t.Error(err)
		}
		if err := attach(obj.Program("xdp_pass"), "lo",
			uapi.AttachTCXIngress); !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(),
				"the program is of type xdp, want sched_cls") {
			t.Error(err)
		}
		if err := attach(obj.Program("tc_third"), "lo",
			uapi.AttachTCXIngress); !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), "was not loaded") {
			t.Error(err)
		}
	}
	for what, anchor := range map[string]anchor.Anchor{
		"program 1073741824": anchor.BeforeID(1 << 30), "link 1073741824": anchor.AfterLinkID(1 << 30),
		fmt.Sprintf("program %d", bpftest.ProgramID(t, p)): anchor.After(p),
	} {
		want := "the anchor, " + what + ", is not attached there"
		if _, err := p.AttachTCX("lo", uapi.AttachTCXIngress,
			&bpf.TCXOptions{Anchor: anchor}); !errors.Is(err, bpf.ErrNotExist) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := p.AttachNetkit("lo", uapi.AttachNetkitPrimary, nil); err == nil {
		t.Error("the loopback is no netkit device")
	}
	for _, err := range []error{outcome(p.AttachNetkit("absent0", uapi.AttachNetkitPeer, nil)),
		nolink.AddNetkit(p, "absent0", uapi.AttachNetkitPeer, nil),
		nolink.RemoveNetkit(p, "absent0", uapi.AttachNetkitPeer)} {
		if !errors.Is(err, bpf.ErrNotExist) || !strings.Contains(err.Error(), "absent0") {
			t.Error(err)
		}
	}
	if err := nolink.RemoveTCX(p, "lo", uapi.AttachTCXIngress); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	if _, err := hooks.QueryInterface(
		"absent0", uapi.AttachTCXIngress); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
}

// TestNetkit: programs at both ends of a netkit pair, by link and without.
func TestNetkit(t *testing.T) {
	testkit.Kernel(t, "6.7")
	testkit.Netns(t)
	devicePair(t, "netkit", "nk0", "nk1")
	deviceAddress(t, "nk0", "10.1.0.1")
	deviceAddress(t, "nk1", "10.2.0.1")
	obj := load(t, only(open(t, "net"), "nk_primary", "nk_peer", "tc_third", "xdp_pass"), nil)
	order := counter(t, obj, "order")
	send := func(to [4]byte) uint64 {
		t.Helper()
		*order = 0
		err := socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(s int) error {
			return unix.Sendto(s, []byte("x"), 0, &unix.SockaddrInet4{Port: 9, Addr: to})
		})
		if err != nil {
			t.Error(err)
		}
		return *order
	}
	for _, side := range []struct {
		program string
		where   uapi.AttachType
		to      [4]byte // an address that is reached from this side
		digit   uint64
		of      string // what the link's information names
	}{
		{"nk_primary", uapi.AttachNetkitPrimary, [4]byte{10, 1, 0, 2}, 5, "nk0"},
		{"nk_peer", uapi.AttachNetkitPeer, [4]byte{10, 2, 0, 2}, 6, "nk1"},
	} {
		p, third := obj.Program(side.program), obj.Program("tc_third")
		link, err := p.AttachNetkit("nk0", side.where, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := send(side.to); n != side.digit {
			t.Errorf("%v: order %d", side.where, n)
		}
		if err := nolink.AddNetkit(third, "nk0", side.where,
			&nolink.TCXOptions{TCXOptions: bpf.TCXOptions{Anchor: anchor.First()}}); err != nil {
			t.Fatal(err)
		}
		if n := send(side.to); n != 30+side.digit {
			t.Errorf("%v: order %d", side.where, n)
		}
		hook, err := hooks.QueryInterface("nk0", side.where)
		if err != nil || len(hook.Programs) != 2 || hook.Programs[1].LinkID != linkID(t, link) {
			t.Errorf("%+v %v", hook, err)
		}
		sameAsLibbpf(t, deviceIndex(t, "nk0"), side.where, hook)
		if info, err := link.Info(); err != nil ||
			*info.Detail.(*linkinfo.Netkit) != (linkinfo.Netkit{IfIndex: uint32(deviceIndex(t,
				side.of)), AttachType: side.where}) {
			t.Errorf("%+v %v", info, err)
		}
		if _, err := p.AttachNetkit("nk0", side.where, nil); !errors.Is(err, bpf.ErrExist) ||
			!strings.Contains(err.Error(), "is attached there already") {
			t.Error(err)
		}
		if err := nolink.RemoveNetkit(third, "nk0", side.where); err != nil {
			t.Error(err)
		}
		if _, err := third.AttachNetkit("nk0", side.where,
			&bpf.TCXOptions{Revision: hook.Revision}); !errors.Is(err, syscall.ESTALE) {
			t.Error(err)
		}
		if err := link.Close(); err != nil {
			t.Error(err)
		}
		if n := send(side.to); n != 0 {
			t.Errorf("%v: it runs after it was detached: %d", side.where, n)
		}
	}
	p := obj.Program("nk_primary")
	for iface, says := range map[string]string{"lo": "no netkit device",
		"nk1": "give the primary device"} {
		for _, err := range []error{outcome(p.AttachNetkit(iface, uapi.AttachNetkitPrimary, nil)),
			nolink.AddNetkit(p, iface, uapi.AttachNetkitPrimary, nil),
			nolink.RemoveNetkit(p, iface, uapi.AttachNetkitPrimary)} {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v, want %q", iface, err, says)
			}
		}
	}
	other := obj.Program("xdp_pass")
	for _, err := range []error{outcome(other.AttachNetkit("nk0", uapi.AttachNetkitPeer, nil)),
		nolink.AddNetkit(other, "nk0", uapi.AttachNetkitPeer, nil)} {
		if !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(),
				"the program is of type xdp, want sched_cls") {
			t.Error(err)
		}
	}
	// Both hooks belong to the primary device.
	if _, err := obj.Program("nk_peer").AttachNetkit(
		"nk1", uapi.AttachNetkitPeer, nil); !errors.Is(err, syscall.EACCES) {
		t.Error(err)
	}
	if _, err := obj.Program("nk_peer").AttachNetkit(
		"nk0", uapi.AttachTCXIngress, nil); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "netkit has the hooks") {
		t.Error(err)
	}
}
