//go:build linux

package sys_test

import (
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/asm"
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
	pass := loadProg(t, uapi.ProgXDP, 0, asm.Mov64Imm(asm.R0, 2), asm.ExitInsn())
	other := loadProg(t, uapi.ProgXDP, 0, asm.Mov64Imm(asm.R0, 2), asm.ExitInsn())
	info, err := sys.ProgInfoByFD(pass.Int())
	if err != nil {
		t.Fatal(err)
	}
	query := func() *sys.XDPState {
		t.Helper()
		s, err := sys.XDPQuery(lo.Index)
		if err != nil {
			t.Fatal(err)
		}
		if want := ip(t, "lo").XDP.Prog.ID; s.ID(0) != want {
			t.Errorf("%+v, ip says %d", s, want)
		}
		return s
	}
	if s := query(); *s != (sys.XDPState{}) {
		t.Errorf("before: %+v", s)
	}
	if err := sys.XDPSet(lo.Index, pass.Int(), sys.XDPSKBMode|sys.XDPUpdateIfNoExist, 0); err != nil {
		t.Fatal(err)
	}
	if s := query(); s.Attached != sys.XDPAttachedSKB || s.ProgID != info.ID || s.SKBProgID != info.ID || s.ID(sys.XDPSKBMode) != info.ID || s.ID(sys.XDPDrvMode) != 0 {
		t.Errorf("attached: %+v, program %d", s, info.ID)
	}
	var refused *sys.NetlinkError
	err = sys.XDPSet(lo.Index, other.Int(), sys.XDPSKBMode|sys.XDPUpdateIfNoExist, 0)
	if !errors.As(err, &refused) || !errors.Is(err, syscall.EBUSY) || refused.Message == "" {
		t.Errorf("second program: %v", err)
	}
	t.Logf("the kernel's words: %v", err)
	if err := sys.XDPSet(lo.Index, other.Int(), sys.XDPSKBMode, other.Int()); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("expecting the wrong program: %v", err)
	}
	if err := sys.XDPSet(lo.Index, other.Int(), sys.XDPSKBMode, pass.Int()); err != nil {
		t.Errorf("replace: %v", err)
	}
	if err := sys.XDPSet(lo.Index, pass.Int(), sys.XDPSKBMode|sys.XDPReplace, 0); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("expecting none: %v", err)
	}
	if err := sys.XDPSet(lo.Index, -1, sys.XDPSKBMode, other.Int()); err != nil {
		t.Errorf("detach: %v", err)
	}
	if s := query(); *s != (sys.XDPState{}) {
		t.Errorf("after: %+v", s)
	}
	err = sys.XDPSet(lo.Index, pass.Int(), sys.XDPDrvMode, 0)
	if !errors.As(err, &refused) || refused.Errno != syscall.EOPNOTSUPP && refused.Errno != sys.ENOTSUPP || !strings.Contains(strings.ToLower(refused.Message), "native") {
		t.Errorf("native mode on loopback: %v", err)
	}
	if _, err := sys.XDPQuery(99999); !errors.Is(err, syscall.ENODEV) {
		t.Errorf("absent interface: %v", err)
	}
	if err := sys.XDPSet(99999, pass.Int(), 0, 0); !errors.Is(err, syscall.ENODEV) {
		t.Errorf("absent interface: %v", err)
	}
}
