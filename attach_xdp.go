package bpf

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"github.com/purebpf/bpf/internal/extack"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// XDPMode says where an XDP program sees packets.
type XDPMode uint8

const (
	// XDPAny is native if the driver supports it and accepts the program, else generic, which is
	// logged with the reason
	XDPAny     XDPMode = iota
	XDPNative          // in the driver, before the kernel makes an sk_buff of the packet
	XDPGeneric         // in the network stack: any interface, slower
	XDPOffload         // on the device
)

var xdpModes = [...]struct {
	name string
	flag uint32
}{
	XDPAny:     {"any", 0},
	XDPNative:  {"native", rtnl.XDPDrvMode},
	XDPGeneric: {"generic", rtnl.XDPSKBMode},
	XDPOffload: {"offload", rtnl.XDPHWMode},
}

// String returns native, generic, offload or any.
func (m XDPMode) String() string {
	if int(m) < len(xdpModes) {
		return xdpModes[m].name
	}
	return "XDPMode(" + strconv.Itoa(int(m)) + ")"
}

// XDPOptions changes how a program attaches to an interface by a link.
type XDPOptions struct {
	Mode XDPMode
}

// SetXDPOptions changes how a program attaches to an interface without a link. Without Replace and
// IfAbsent it replaces any program.
type SetXDPOptions struct {
	Mode     XDPMode
	Replace  *Program // the program that must be attached now (5.7)
	IfAbsent bool     // EBUSY if any program is attached
}

// check refuses a program to replace that has no descriptor, which would mean "none".
func (o *SetXDPOptions) check() error {
	switch {
	case o.Replace == nil:
		return nil
	case o.IfAbsent:
		return fmt.Errorf("options Replace and IfAbsent exclude each other: %w", syscall.EINVAL)
	}
	return o.Replace.checkReplaced()
}

// AttachXDP attaches the program to the network interface by a link (libbpf
// bpf_program__attach_xdp; 5.9). It fails with EBUSY while another program is attached. No
// privileges beyond those of the load. ErrNotExist if there is no such interface; ErrNotSupported
// with Mode XDPNative on a driver without it. If the driver refuses, the error has its reason if
// the process has CAP_PERFMON (5.13). The caller closes the Link, which detaches the program.
func (p *Program) AttachXDP(iface string, opts *XDPOptions) (*Link, error) {
	p = p.orNone()
	if opts == nil {
		opts = &XDPOptions{}
	}
	at, index, err := p.xdpPlace(iface, "xdp")
	var fd *sys.FD
	var refusal string
	if err == nil {
		_, refusal, err = p.eachXDPMode(iface, index, opts.Mode, func(flags uint32) (err error) {
			fd, err = p.linkXDP(index, flags)
			return err
		})
	}
	if err != nil {
		return nil, p.refused(at, err)
	}
	if refusal != "" {
		at.name = iface + " (xdp, generic mode: " + refusal + ")"
	}
	return p.newLink(at.name, fd), nil
}

func (p *Program) linkXDP(index int, flags uint32) (fd *sys.FD, err error) {
	create := func() error {
		fd, err = sys.LinkCreate(&sys.LinkCreateAttr{
			ProgFD: p.fd.Uint32(), Target: uint32(index), AttachType: uapi.AttachXDP,
			Flags: uapi.AttachFlags(flags),
		})
		return err
	}
	err = withWords(create(), create)
	return fd, err
}

// withWords adds the kernel's message to a refusal, if there is one. The system call returns only a
// number, so it is made again while the message is traced. It doesn't retry errors that another
// attempt can't change or that have no message.
func withWords(err error, again func() error) error {
	switch err {
	case nil, syscall.EPERM, syscall.ENODEV, syscall.EBADF, syscall.ENOMEM:
		return err
	}
	words := extack.Of(func() { err = again() })
	var errno syscall.Errno
	if words != "" && errors.As(err, &errno) {
		return &rtnl.Error{Errno: errno, Message: words}
	}
	return err
}

// SetXDP attaches the program to the network interface by netlink, without a link (libbpf
// bpf_xdp_attach; 4.8), and returns the mode. The program stays attached when the process ends:
// UnsetXDP detaches it. It replaces the attached program, unless the options say which one must be
// attached. Needs CAP_NET_ADMIN.
func (p *Program) SetXDP(iface string, opts *SetXDPOptions) (XDPMode, error) {
	p = p.orNone()
	if opts == nil {
		opts = &SetXDPOptions{}
	}
	defer held(opts.Replace.descriptor())()
	at, index, err := p.xdpPlace(iface, overNetlink)
	if err == nil {
		err = opts.check()
	}
	if err != nil {
		return opts.Mode, p.refused(at, err)
	}
	if err := p.use(); err != nil {
		return opts.Mode, p.attachFail(at.name, err)
	}
	defer p.release()
	expected := 0
	extra := uint32(0)
	if opts.Replace != nil {
		expected = opts.Replace.FD()
	}
	if opts.IfAbsent {
		extra = rtnl.XDPUpdateIfNoExist
	}
	mode, _, err := p.eachXDPMode(iface, index, opts.Mode, func(flags uint32) error {
		return rtnl.XDPSet(index, p.fd.Int(), flags|extra, expected)
	})
	if err != nil {
		return mode, p.refused(at, err)
	}
	return mode, nil
}

// UnsetXDP detaches the program from the interface, in any mode (libbpf bpf_xdp_detach with
// old_prog_fd; 5.7). If it isn't attached there, UnsetXDP returns ErrNotExist and nothing changes.
func (p *Program) UnsetXDP(iface string) error {
	p = p.orNone()
	at, index, err := p.xdpPlace(iface, overNetlink)
	fail := func(err error) error { return p.notDetached(at, err) }
	if err != nil {
		return fail(err)
	}
	if err := p.use(); err != nil {
		return fail(err)
	}
	defer p.release()
	info, err := sys.ProgInfoByFD(p.fd.Int())
	if err != nil {
		return fail(err)
	}
	state, err := rtnl.XDPQuery(index)
	if err != nil {
		return fail(err)
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
		return fail(fmt.Errorf("not attached there: %w", ErrNotExist))
	}
	if err := rtnl.XDPSet(index, -1, flags, p.fd.Int()); err != nil {
		return fail(err)
	}
	return nil
}

// eachXDPMode calls try for mode. For XDPAny the kernel chooses, native if the driver has it; if
// that fails for a reason that concerns only native mode, eachXDPMode calls try for generic mode
// and returns the reason as well.
func (p *Program) eachXDPMode(
	iface string, index int, mode XDPMode, try func(flags uint32) error,
) (is XDPMode, refusal string, err error) {
	if int(mode) >= len(xdpModes) {
		return mode, "", fmt.Errorf("%v: %w", mode, syscall.EINVAL)
	}
	err = try(xdpModes[mode].flag)
	if mode != XDPAny {
		return mode, "", err
	}
	if err != nil && genericMayDo(index, err) {
		native := err
		refusal = causeText(native)
		err = try(xdpModes[XDPGeneric].flag)
		if err != nil && causeText(err) != refusal {
			err = fmt.Errorf("in native mode: %w; in generic mode: %w", worded(native), worded(err))
		}
	}
	if err != nil {
		return mode, "", err
	}
	mode = XDPNative
	if state, err := rtnl.XDPQuery(index); err == nil && p.isGeneric(state) {
		mode = XDPGeneric
		why := cmp.Or(refusal, "the driver has no native XDP")
		p.events().Info("the program runs in generic mode", "object", p.ObjectName(), "program",
			p.name, "interface", iface, "why", why)
	}
	return mode, refusal, nil
}

// genericMayDo reports whether generic mode may work where the kernel's choice of a mode was
// refused. It can't if a program is in the way: that one is in the way of both, or generic mode
// would replace it.
func genericMayDo(index int, err error) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case syscall.EPERM, syscall.EACCES, syscall.ENODEV, syscall.EBADF:
		return false
	case syscall.EBUSY, syscall.EEXIST: // drivers answer these also without any program
		state, err := rtnl.XDPQuery(index)
		return err == nil && state.Attached == rtnl.XDPAttachedNone
	}
	return true
}

// isGeneric reports whether the program is the one that is attached in generic mode.
func (p *Program) isGeneric(state *rtnl.XDPState) bool {
	if state.Attached != rtnl.XDPAttachedMulti {
		return state.Attached == rtnl.XDPAttachedSKB
	}
	info, err := sys.ProgInfoByFD(p.fd.Int())
	return err == nil && state.SKBProgID == info.ID
}

// worded gives a text to an errno for which Go has none.
func worded(err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		return &rtnl.Error{Errno: errno}
	}
	return err
}

// overNetlink names the way to attach without a link.
const overNetlink = "xdp, netlink"

var xdpPrograms = [...]uapi.ProgType{uapi.ProgXDP}

// xdpPlace finds the interface. It returns a place also with an error, for messages.
func (p *Program) xdpPlace(iface, how string) (*place, int, error) {
	at := &place{name: iface + " (" + how + ")", types: xdpPrograms[:]}
	if at.netlink = how == overNetlink; !at.netlink {
		at.need = []kernel.Capability{kernel.CapNetAdmin}
	}
	switch p.expected {
	case uapi.AttachXDPDevMap, uapi.AttachXDPCPUMap:
		at.rule = fmt.Sprintf(
			"the program was loaded for a map (%v), not for an interface",
			p.expected)
	}
	index, err := rtnl.Interface(iface)
	if err == nil {
		at.query = func() (*hooks.Hook, error) { return hooks.QueryXDP(index) }
	}
	return at, index, err
}
