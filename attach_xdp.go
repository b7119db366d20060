package bpf

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// XDPMode says where on its way a packet meets an XDP program.
type XDPMode uint8

const (
	XDPAny     XDPMode = iota // native where the driver can, else generic, which is logged
	XDPNative                 // in the driver, before the kernel makes an sk_buff of the packet
	XDPGeneric                // in the network stack: any interface, slower
	XDPOffload                // on the device
)

var xdpModes = [...]struct {
	name string
	flag uint32
}{
	XDPAny:     {"any", 0},
	XDPNative:  {"native", sys.XDPDrvMode},
	XDPGeneric: {"generic", sys.XDPSKBMode},
	XDPOffload: {"offload", sys.XDPHWMode},
}

// String returns native, generic, offload or any.
func (m XDPMode) String() string {
	if int(m) < len(xdpModes) {
		return xdpModes[m].name
	}
	return "XDPMode(" + strconv.Itoa(int(m)) + ")"
}

// XDPOptions changes how a program attaches to an interface.
type XDPOptions struct {
	Mode XDPMode
	// Replace, for SetXDP: the program that must be there now (5.7). Without it, SetXDP replaces whatever is there.
	Replace *Program
	// IfAbsent, for SetXDP: fail with EBUSY if any program is there.
	IfAbsent bool
}

// AttachXDP attaches the program to the network interface by a link (libbpf bpf_program__attach_xdp; 5.9). It fails with EBUSY while
// another program is attached. No privileges beyond those of the load. ErrNotExist if there is no such interface; ErrNotSupported with Mode XDPNative
// on a driver that can't. The caller closes the Link, and the program is detached.
func (p *Program) AttachXDP(iface string, opts *XDPOptions) (*Link, error) {
	to := iface + " (xdp)"
	var link *Link
	_, err := p.eachXDPMode(iface, opts, func(ifindex int, flags uint32) error {
		fd, err := sys.LinkCreate(&sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), Target: uint32(ifindex), AttachType: uapi.AttachXDP, Flags: flags})
		if err == nil {
			link = p.newLink(to, fd)
		}
		return err
	})
	if err != nil {
		return nil, p.xdpFail(to, iface, err)
	}
	return link, nil
}

// SetXDP attaches the program to the network interface by netlink, without a link (libbpf bpf_xdp_attach; 4.8), and returns the mode.
// The program stays when the process ends: UnsetXDP takes it away. It replaces what is attached, unless the options say what must be
// there. Needs CAP_NET_ADMIN.
func (p *Program) SetXDP(iface string, opts *XDPOptions) (XDPMode, error) {
	to := iface + " (xdp, netlink)"
	expected := 0
	extra := uint32(0)
	if opts != nil && opts.Replace != nil {
		expected = opts.Replace.FD()
	}
	if opts != nil && opts.IfAbsent {
		extra = sys.XDPUpdateIfNoExist
	}
	mode, err := p.eachXDPMode(iface, opts, func(ifindex int, flags uint32) error {
		return sys.XDPSet(ifindex, p.fd.Int(), flags|extra, expected)
	})
	if err != nil {
		return mode, p.xdpFail(to, iface, err)
	}
	return mode, nil
}

// UnsetXDP takes the program away from the interface, in whatever mode it is there (libbpf bpf_xdp_detach with old_prog_fd; 5.7). If
// it isn't attached there, that is ErrNotExist and nothing changes.
func (p *Program) UnsetXDP(iface string) error {
	to := iface + " (xdp, netlink)"
	fail := func(err error) error {
		e := p.xdpFail(to, iface, err)
		e.Op = "detach program"
		return e
	}
	index, err := interfaceIndex(iface)
	if err != nil {
		return fail(err)
	}
	info, err := sys.ProgInfoByFD(p.fd.Int())
	if err != nil {
		return fail(err)
	}
	state, err := sys.XDPQuery(index)
	if err != nil {
		return fail(err)
	}
	var flags uint32
	switch info.ID {
	case state.DrvProgID:
		flags = sys.XDPDrvMode
	case state.SKBProgID:
		flags = sys.XDPSKBMode
	case state.HWProgID:
		flags = sys.XDPHWMode
	case state.ProgID: // a kernel that doesn't tell modes apart
	default:
		return fail(fmt.Errorf("it is not attached there: %w", ErrNotExist))
	}
	if err := sys.XDPSet(index, -1, flags, p.fd.Int()); err != nil {
		return fail(err)
	}
	return nil
}

// eachXDPMode calls try for the mode that the options name. For any mode the kernel chooses: native if the driver has it; if that turns
// out not to work, generic.
func (p *Program) eachXDPMode(iface string, opts *XDPOptions, try func(ifindex int, flags uint32) error) (XDPMode, error) {
	mode := XDPAny
	if opts != nil {
		mode = opts.Mode
	}
	if int(mode) >= len(xdpModes) {
		return mode, fmt.Errorf("%v: %w", mode, syscall.EINVAL)
	}
	ifindex, err := interfaceIndex(iface)
	if err != nil {
		return mode, err
	}
	err = try(ifindex, xdpModes[mode].flag)
	if mode != XDPAny {
		return mode, err
	}
	why := "the driver has no native XDP"
	if errors.Is(err, syscall.EOPNOTSUPP) {
		why = causeText(err)
		err = try(ifindex, xdpModes[XDPGeneric].flag)
	}
	if err != nil {
		return mode, err
	}
	mode = XDPNative
	if state, err := sys.XDPQuery(ifindex); err == nil && state.Attached == sys.XDPAttachedSKB {
		mode = XDPGeneric
		p.events().info("the program runs in generic mode", "object", p.objectName(), "program", p.name, "interface", iface, "why", why)
	}
	return mode, nil
}

// xdpFail adds who is attached already to a refusal for that reason.
func (p *Program) xdpFail(to, iface string, err error) *Error {
	e := p.attachFail(to, err, kernel.CapNetAdmin).(*Error)
	if !errors.Is(err, syscall.EBUSY) && !errors.Is(err, syscall.EEXIST) {
		return e
	}
	if index, indexErr := interfaceIndex(iface); indexErr == nil {
		if state, queryErr := sys.XDPQuery(index); queryErr == nil && state.ProgID != 0 {
			e.Hint = "program " + programLabel(state.ProgID) + " is attached there"
		}
	}
	return e
}

// XDPStatus is what is attached to an interface.
type XDPStatus struct {
	Mode      XDPMode // XDPAny if nothing is, or several
	ProgramID uint32  // 0 if nothing is, or several
	Native    uint32  // program id of each mode, 0 for none
	Generic   uint32
	Offload   uint32
}

// QueryXDP says which XDP programs are attached to an interface (libbpf bpf_xdp_query). No privileges.
func QueryXDP(iface string) (XDPStatus, error) {
	index, err := interfaceIndex(iface)
	if err != nil {
		return XDPStatus{}, &Error{Op: "query XDP of", Subject: iface, Err: err}
	}
	state, err := sys.XDPQuery(index)
	if err != nil {
		return XDPStatus{}, &Error{Op: "query XDP of", Subject: iface, Err: err}
	}
	s := XDPStatus{ProgramID: state.ProgID, Native: state.DrvProgID, Generic: state.SKBProgID, Offload: state.HWProgID}
	switch state.Attached {
	case sys.XDPAttachedDrv:
		s.Mode = XDPNative
	case sys.XDPAttachedSKB:
		s.Mode = XDPGeneric
	case sys.XDPAttachedHW:
		s.Mode = XDPOffload
	}
	return s, nil
}
