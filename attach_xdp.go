package bpf

import (
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/xdp"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// XDPMode says where an XDP program sees packets.
type XDPMode uint8

const (
	// XDPAny is XDPNative if the driver supports that and accepts the program, otherwise
	// XDPGeneric; the log has the reason
	XDPAny     = XDPMode(xdp.Any)
	XDPNative  = XDPMode(xdp.Native)  // in the driver, before the kernel makes an sk_buff
	XDPGeneric = XDPMode(xdp.Generic) // in the network stack: any interface, slower
	XDPOffload = XDPMode(xdp.Offload) // on the device
)

// String returns native, generic, offload or any.
func (m XDPMode) String() string { return xdp.Mode(m).String() }

// XDPOptions changes how a program attaches to an interface by a link.
type XDPOptions struct {
	Mode XDPMode
}

// AttachXDP attaches the program to the network interface (libbpf bpf_program__attach_xdp; 5.9).
// EBUSY while another program is attached; ErrNotExist if there is no such interface;
// ErrNotSupported with Mode XDPNative on a driver without it. If the driver refuses the program and
// the process has CAP_PERFMON, the error has the driver's reason (5.13).
func (p *Program) AttachXDP(iface string, opts *XDPOptions) (*Link, error) {
	p = p.orNone()
	if opts == nil {
		opts = &XDPOptions{}
	}
	at, index, err := explain.XDPPlace(iface, p.expected)
	if err := p.use(); err != nil {
		return nil, p.attachFail(at.Name, err)
	}
	defer p.release()
	var fd *sys.FD
	var as xdp.Result
	if err == nil {
		as, err = xdp.Attach(p.fd.Int(), index, xdp.Mode(opts.Mode), func(flags uint32) (err error) {
			fd, err = p.linkXDP(index, flags)
			return err
		})
	}
	if err != nil {
		return nil, p.refused(at, err)
	}
	if as.Why != "" {
		p.events().Info("the program runs in generic mode", "object", p.ObjectName(), "program",
			p.name, "interface", iface, "why", as.Why)
	}
	if as.Refused {
		at.Name = iface + " (xdp, generic mode: " + as.Why + ")"
	}
	return p.newLink(at.Name, fd), nil
}

func (p *Program) linkXDP(index int, flags uint32) (fd *sys.FD, err error) {
	create := func() error {
		fd, err = sys.LinkCreate(&sys.LinkCreateAttr{
			ProgFD: p.fd.Uint32(), Target: uint32(index), AttachType: uapi.AttachXDP,
			Flags: uapi.AttachFlags(flags),
		})
		return err
	}
	err = xdp.WithWords(create(), create)
	return fd, err
}
