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

// ClearXDP detaches whatever program is attached to the interface in that mode by netlink, also by
// other processes (libbpf bpf_xdp_detach; 4.8); bpf.XDPAny stands for the mode in which one is
// attached, the native mode first. ErrNotExist if there is none, EBUSY if it was attached by a
// link, EINVAL if there is no such mode. Needs CAP_NET_ADMIN.
func ClearXDP(iface string, mode bpf.XDPMode) error {
	fail := func(err error) error {
		return newError(explain.Detach, "", "from "+iface+" (xdp, netlink)", err, nil)
	}
	if mode > bpf.XDPOffload {
		return fail(fmt.Errorf("%v: %w", mode, syscall.EINVAL))
	}
	index, err := rtnl.Interface(iface)
	if err != nil {
		return fail(err)
	}
	state, err := rtnl.XDPQuery(index)
	if err != nil {
		return fail(err)
	}
	there, flags := uint32(0), uint32(0)
	for _, m := range []struct {
		mode       bpf.XDPMode
		there, bit uint32
	}{
		{bpf.XDPNative, state.DrvProgID, rtnl.XDPDrvMode},
		{bpf.XDPGeneric, state.SKBProgID, rtnl.XDPSKBMode},
		{bpf.XDPOffload, state.HWProgID, rtnl.XDPHWMode},
		{bpf.XDPAny, state.ProgID, 0}, // a kernel that doesn't distinguish modes
	} {
		if there == 0 && (mode == m.mode || mode == bpf.XDPAny) {
			there, flags = m.there, m.bit
		}
	}
	if there == 0 {
		return fail(errNotAttached())
	}
	if err := rtnl.XDPSet(index, -1, flags, 0); err != nil {
		return fail(err)
	}
	return nil
}

func xdpPlace(p *bpf.Program, iface string) (*explain.Place, int, error) {
	at, index, err := explain.XDPPlace(iface, p.ExpectedAttachType())
	at.Name = iface + " (xdp, netlink)"
	at.Netlink = true
	return at, index, err
}
