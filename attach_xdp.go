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
	// IfAbsent fails with EBUSY if any program is there, which a link does anyway.
	IfAbsent bool
}

// check refuses what belongs to the other way to attach. A program to be replaced that has no descriptor would mean "none".
func (o *XDPOptions) check(set bool) error {
	switch {
	case o.Replace == nil:
		return nil
	case !set:
		return fmt.Errorf("a link takes nobody's place, and Link.Update replaces its program: %w", syscall.EINVAL)
	case o.IfAbsent:
		return fmt.Errorf("a program that is to be replaced can't be absent: %w", syscall.EINVAL)
	}
	return o.Replace.checkReplaced()
}

// AttachXDP attaches the program to the network interface by a link (libbpf bpf_program__attach_xdp; 5.9). It fails with EBUSY while
// another program is attached. No privileges beyond those of the load. ErrNotExist if there is no such interface; ErrNotSupported with Mode XDPNative
// on a driver that can't. The caller closes the Link, and the program is detached.
func (p *Program) AttachXDP(iface string, opts *XDPOptions) (*Link, error) {
	if opts == nil {
		opts = &XDPOptions{}
	}
	at := p.xdpPlace(iface, "xdp")
	var link *Link
	err := opts.check(false)
	if err == nil {
		_, err = p.eachXDPMode(iface, opts.Mode, func(ifindex int, flags uint32) error {
			fd, err := sys.LinkCreate(&sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), Target: uint32(ifindex), AttachType: uapi.AttachXDP, Flags: flags})
			if err == nil {
				link = p.newLink(at.name, fd)
			}
			return err
		})
	}
	if err != nil {
		return nil, p.refused(at, err)
	}
	return link, nil
}

// SetXDP attaches the program to the network interface by netlink, without a link (libbpf bpf_xdp_attach; 4.8), and returns the mode.
// The program stays when the process ends: UnsetXDP takes it away. It replaces what is attached, unless the options say what must be
// there. Needs CAP_NET_ADMIN.
func (p *Program) SetXDP(iface string, opts *XDPOptions) (XDPMode, error) {
	if opts == nil {
		opts = &XDPOptions{}
	}
	at := p.xdpPlace(iface, "xdp, netlink")
	if err := opts.check(true); err != nil || p.fd.Int() < 0 { // which means "none" to netlink
		return opts.Mode, p.refused(at, err)
	}
	expected := 0
	extra := uint32(0)
	if opts.Replace != nil {
		expected = opts.Replace.FD()
	}
	if opts.IfAbsent {
		extra = sys.XDPUpdateIfNoExist
	}
	mode, err := p.eachXDPMode(iface, opts.Mode, func(ifindex int, flags uint32) error {
		return sys.XDPSet(ifindex, p.fd.Int(), flags|extra, expected)
	})
	if err != nil {
		return mode, p.refused(at, err)
	}
	return mode, nil
}

// UnsetXDP takes the program away from the interface, in whatever mode it is there (libbpf bpf_xdp_detach with old_prog_fd; 5.7). If
// it isn't attached there, that is ErrNotExist and nothing changes.
func (p *Program) UnsetXDP(iface string) error {
	at := p.xdpPlace(iface, "xdp, netlink")
	fail := func(err error) error { return p.notDetached(at, err) }
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

// eachXDPMode calls try for mode. For any mode the kernel chooses: native if the driver has it; if that turns
// out not to work, generic.
func (p *Program) eachXDPMode(iface string, mode XDPMode, try func(ifindex int, flags uint32) error) (XDPMode, error) {
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

var xdpPrograms = [...]uapi.ProgType{uapi.ProgXDP}

func (p *Program) xdpPlace(iface, how string) *place {
	at := &place{
		name: iface + " (" + how + ")", types: xdpPrograms[:], need: []kernel.Capability{kernel.CapNetAdmin},
		query: func() (*Hook, error) { return queryXDPHook(iface) },
	}
	switch p.expected {
	case uapi.AttachXDPDevMap, uapi.AttachXDPCPUMap:
		at.rule = fmt.Sprintf("it was loaded to be put into a map (%v), not to be attached to an interface", p.expected)
	}
	return at
}

// queryXDPHook lists the programs of all modes.
func queryXDPHook(iface string) (*Hook, error) {
	status, err := QueryXDP(iface)
	if err != nil {
		return nil, err
	}
	h := &Hook{}
	for _, id := range [...]uint32{status.Offload, status.Native, status.Generic} {
		if id != 0 {
			h.Programs = append(h.Programs, HookedProgram{ProgramID: id})
		}
	}
	if len(h.Programs) == 0 && status.ProgramID != 0 { // a kernel that doesn't tell modes apart
		h.Programs = []HookedProgram{{ProgramID: status.ProgramID}}
	}
	return h, nil
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
