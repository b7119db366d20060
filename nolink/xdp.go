package nolink

import (
	"fmt"
	"log/slog"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/internal/xdp"
	"github.com/purebpf/bpf/sys"
)

// XDPOptions changes how a program is attached to an interface. Without Replace and IfAbsent it
// replaces any program.
type XDPOptions struct {
	Mode     bpf.XDPMode
	Replace  *bpf.Program // the program that must be attached now (5.7)
	IfAbsent bool         // EBUSY if any program is attached
	Logger   *slog.Logger // receives why bpf.XDPAny became generic mode; nil: no logging
}

// SetXDP attaches the program to the network interface by netlink (libbpf bpf_xdp_attach; 4.8), and
// returns the mode. It replaces the attached program, unless the options say which one must be
// attached. Needs CAP_NET_ADMIN.
func SetXDP(p *bpf.Program, iface string, opts *XDPOptions) (bpf.XDPMode, error) {
	if opts == nil {
		opts = &XDPOptions{}
	}
	at, index, err := xdpPlace(p, iface)
	r := attach(p, at)
	r.replace = opts.Replace
	as := xdp.Result{Mode: xdp.Mode(opts.Mode)}
	err = r.do(func(a *sys.ProgAttachAttr) error {
		if err == nil && opts.Replace != nil && opts.IfAbsent {
			err = fmt.Errorf("options Replace and IfAbsent exclude each other: %w", syscall.EINVAL)
		}
		if err != nil {
			return err
		}
		extra := uint32(0)
		if opts.IfAbsent {
			extra = rtnl.XDPUpdateIfNoExist
		}
		program := int(a.ProgFD)
		as, err = xdp.Attach(program, index, as.Mode, func(flags uint32) error {
			return rtnl.XDPSet(index, program, flags|extra, int(a.ReplaceFD))
		})
		return err
	})
	if err == nil && as.Why != "" && opts.Logger != nil {
		opts.Logger.Info("the program runs in generic mode", "object", p.ObjectName(), "program",
			p.Name(), "interface", iface, "why", as.Why)
	}
	return bpf.XDPMode(as.Mode), err
}

// UnsetXDP detaches the program from the interface, in any mode (libbpf bpf_xdp_detach with
// old_prog_fd; 5.7). If it isn't attached there, UnsetXDP returns ErrNotExist and nothing changes.
// Needs CAP_NET_ADMIN.
func UnsetXDP(p *bpf.Program, iface string) error {
	at, index, err := xdpPlace(p, iface)
	return detach(p, at).do(func(a *sys.ProgAttachAttr) error {
		if err != nil {
			return err
		}
		info, err := sys.ProgInfoByFD(int(a.ProgFD))
		if err != nil {
			return err
		}
		state, err := rtnl.XDPQuery(index)
		if err != nil {
			return err
		}
		var flags uint32
		switch info.ID {
		case state.DrvProgID:
			flags = rtnl.XDPDrvMode
		case state.SKBProgID:
			flags = rtnl.XDPSKBMode
		case state.HWProgID:
			flags = rtnl.XDPHWMode
		case state.ProgID: // a kernel that doesn't distinguish modes
		default:
			return errNotAttached()
		}
		return rtnl.XDPSet(index, -1, flags, int(a.ProgFD))
	})
}

func xdpPlace(p *bpf.Program, iface string) (*explain.Place, int, error) {
	at, index, err := explain.XDPPlace(iface, p.ExpectedAttachType())
	at.Name = iface + " (xdp, netlink)"
	at.Netlink = true
	return at, index, err
}
