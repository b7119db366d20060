//go:build linux

package rtnl_test

import (
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel, and iproute2, which reads the same attributes.

// ipLink is what "ip -j link show" says of XDP on an interface.
type ipLink struct {
	XDP struct {
		Mode int
		Prog struct{ ID uint32 }
	}
}

func ip(t *testing.T, name string) ipLink {
	t.Helper()
	out, err := exec.Command(testkit.Tool(t, "ip"), "-j", "link", "show", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	var links []ipLink
	if err := json.Unmarshal(out, &links); err != nil || len(links) != 1 {
		t.Fatalf("%v in %s", err, out)
	}
	return links[0]
}

func TestXDPNetlink(t *testing.T) {
	testkit.Netns(t)
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	pass := load(t, uapi.ProgXDP, asm.Mov64Imm(asm.R0, 2), asm.ExitInsn())
	other := load(t, uapi.ProgXDP, asm.Mov64Imm(asm.R0, 2), asm.ExitInsn())
	info, err := sys.ProgInfoByFD(pass.Int())
	if err != nil {
		t.Fatal(err)
	}
	query := func() *rtnl.XDPState {
		t.Helper()
		s, err := rtnl.XDPQuery(lo.Index)
		if err != nil {
			t.Fatal(err)
		}
		if want := ip(t, "lo").XDP.Prog.ID; s.ID(0) != want {
			t.Errorf("%+v, ip says %d", s, want)
		}
		return s
	}
	if s := query(); *s != (rtnl.XDPState{}) {
		t.Errorf("before: %+v", s)
	}
	if err := rtnl.XDPSet(lo.Index, pass.Int(), rtnl.XDPSKBMode|rtnl.XDPUpdateIfNoExist,
		0); err != nil {
		t.Fatal(err)
	}
	if s := query(); s.Attached != rtnl.XDPAttachedSKB || s.ProgID != info.ID ||
		s.SKBProgID != info.ID || s.ID(rtnl.XDPSKBMode) != info.ID || s.ID(rtnl.XDPDrvMode) != 0 {
		t.Errorf("attached: %+v, program %d", s, info.ID)
	}
	var refused *rtnl.Error
	err = rtnl.XDPSet(lo.Index, other.Int(), rtnl.XDPSKBMode|rtnl.XDPUpdateIfNoExist, 0)
	if !errors.As(err, &refused) || !errors.Is(err, syscall.EBUSY) || refused.Message == "" {
		t.Errorf("second program: %v", err)
	}
	t.Logf("the kernel's words: %v", err)
	if err := rtnl.XDPSet(lo.Index, other.Int(), rtnl.XDPSKBMode,
		other.Int()); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("expecting the wrong program: %v", err)
	}
	if err := rtnl.XDPSet(lo.Index, other.Int(), rtnl.XDPSKBMode, pass.Int()); err != nil {
		t.Errorf("replace: %v", err)
	}
	if err := rtnl.XDPSet(lo.Index, pass.Int(), rtnl.XDPSKBMode|rtnl.XDPReplace,
		0); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("expecting none: %v", err)
	}
	if err := rtnl.XDPSet(lo.Index, -1, rtnl.XDPSKBMode, other.Int()); err != nil {
		t.Errorf("detach: %v", err)
	}
	if s := query(); *s != (rtnl.XDPState{}) {
		t.Errorf("after: %+v", s)
	}
	err = rtnl.XDPSet(lo.Index, pass.Int(), rtnl.XDPDrvMode, 0)
	if !errors.As(err, &refused) || refused.Errno != syscall.EOPNOTSUPP &&
		refused.Errno != sys.ENOTSUPP ||
		!strings.Contains(strings.ToLower(refused.Message), "native") {
		t.Errorf("native mode on loopback: %v", err)
	}
	if _, err := rtnl.XDPQuery(99999); !errors.Is(err, syscall.ENODEV) {
		t.Errorf("absent interface: %v", err)
	}
	if err := rtnl.XDPSet(99999, pass.Int(), 0, 0); !errors.Is(err, syscall.ENODEV) {
		t.Errorf("absent interface: %v", err)
	}
}

// The oracle is what drivers/net/veth.c sets: loopback has no XDP of its own, veth has.
func TestXDPFeatures(t *testing.T) {
	testkit.Netns(t)
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	testkit.Kernel(t, "6.3")
	if features, segs, err := rtnl.XDPFeatures(lo.Index); err != nil || features != 0 || segs != 0 {
		t.Errorf("loopback: %#x, %d, %v", features, segs, err)
	}
	if _, _, err := rtnl.XDPFeatures(99999); !errors.Is(err, syscall.ENODEV) {
		t.Errorf("absent interface: %v", err)
	}
	if out, err := exec.Command(testkit.Tool(t, "ip"), "link", "add", "v0", "type", "veth", "peer",
		"name", "v1").CombinedOutput(); err != nil {
		testkit.Skip(t, "no veth: %s", strings.TrimSpace(string(out)))
	}
	veth, err := net.InterfaceByName("v0")
	if err != nil {
		t.Fatal(err)
	}
	const want = rtnl.XDPFeatureBasic | rtnl.XDPFeatureRedirect | rtnl.XDPFeatureRXSG
	if features, _, err := rtnl.XDPFeatures(veth.Index); err != nil || features&want != want {
		t.Errorf("veth: %#x, %v", features, err)
	}
}
