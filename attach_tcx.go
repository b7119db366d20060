package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// TCXOptions says where a program is attached among the programs of an interface, by tcx or netkit.
type TCXOptions struct {
	Anchor Anchor
	// Revision is the revision from inspect.Interface; if the hook has changed since, attaching
	// fails with ESTALE. 0: any.
	Revision uint64
}

// AddTCXOptions says where a program is attached among others, without a link.
type AddTCXOptions struct {
	TCXOptions
	Replace *Program // the program to replace, added without a link; nil: none
}

// AttachTCX attaches a program by a link to the packets that an interface receives
// (uapi.AttachTCXIngress) or sends (uapi.AttachTCXEgress) (libbpf bpf_program__attach_tcx; 6.6).
// Any SEC("tc") program fits; libbpf takes the direction from SEC("tcx/ingress") or "tcx/egress",
// AttachTCX takes it from where. Without an Anchor it runs after all others; the first one that
// returns something other than TCX_NEXT decides. No privileges beyond those of the load. EEXIST if
// the program is attached there already. The caller closes the Link.
func (p *Program) AttachTCX(iface string, where uapi.AttachType, opts *TCXOptions) (*Link, error) {
	return p.attachInterface(iface, where, &tcxHooks, opts)
}

// AttachNetkit attaches a program to a netkit device by a link: to packets that the primary device
// sends (uapi.AttachNetkitPrimary) or, from outside, to packets that its peer sends
// (uapi.AttachNetkitPeer). iface is the primary device in both cases (libbpf
// bpf_program__attach_netkit; 6.7). No privileges beyond those of the load. The caller closes the
// Link.
func (p *Program) AttachNetkit(iface string, where uapi.AttachType,
	opts *TCXOptions) (*Link, error) {
	return p.attachInterface(iface, where, &netkitHooks, opts)
}

// AddTCX attaches a program as AttachTCX does, but without a link (libbpf bpf_prog_attach_opts;
// 6.6). It stays attached when the process ends: RemoveTCX detaches it.
func (p *Program) AddTCX(iface string, where uapi.AttachType, opts *AddTCXOptions) error {
	return p.addInterface(iface, where, &tcxHooks, opts)
}

// RemoveTCX detaches the program where AddTCX attached it (libbpf bpf_prog_detach_opts).
// ErrNotExist if it isn't attached there; EBUSY if it is attached by a link.
func (p *Program) RemoveTCX(iface string, where uapi.AttachType) error {
	return p.unaddInterface(iface, where, &tcxHooks)
}

// AddNetkit attaches a program as AttachNetkit does, but without a link (6.7): RemoveNetkit
// detaches it.
func (p *Program) AddNetkit(iface string, where uapi.AttachType, opts *AddTCXOptions) error {
	return p.addInterface(iface, where, &netkitHooks, opts)
}

// RemoveNetkit detaches the program where AddNetkit attached it. ErrNotExist if it isn't attached
// there; EBUSY if it is attached by a link.
func (p *Program) RemoveNetkit(iface string, where uapi.AttachType) error {
	return p.unaddInterface(iface, where, &netkitHooks)
}

// interfaceHooks are the two hooks of one kind of an interface.
type interfaceHooks struct {
	name string
	of   [2]uapi.AttachType
}

var (
	tcxHooks = interfaceHooks{"tcx",
		[2]uapi.AttachType{uapi.AttachTCXIngress, uapi.AttachTCXEgress}}
	netkitHooks = interfaceHooks{"netkit",
		[2]uapi.AttachType{uapi.AttachNetkitPrimary, uapi.AttachNetkitPeer}}
)

var schedPrograms = [...]uapi.ProgType{uapi.ProgSchedCls}

// interfacePlace finds the interface. It returns a place also with an error, for messages.
func (p *Program) interfacePlace(iface string, where uapi.AttachType, kind *interfaceHooks,
	opts *TCXOptions) (*place, uint32, error) {
	at := &place{name: fmt.Sprintf("%s (%v)", iface, where), types: schedPrograms[:], attach: where,
		revision: opts.Revision, anchor: opts.Anchor, need: []kernel.Capability{kernel.CapNetAdmin}}
	if where != kind.of[0] && where != kind.of[1] {
		return at, 0, fmt.Errorf("%s has the hooks %v and %v: %w",
			kind.name, kind.of[0], kind.of[1], syscall.EINVAL)
	}
	index, err := rtnl.Interface(iface)
	if err != nil {
		return at, 0, err
	}
	at.query = func() (*hooks.Hook, error) { return hooks.Query(uint32(index), where, 0) }
	return at, uint32(index), nil
}

func (p *Program) attachInterface(iface string, where uapi.AttachType, kind *interfaceHooks,
	opts *TCXOptions) (*Link, error) {
	if opts == nil {
		opts = &TCXOptions{}
	}
	at, index, err := p.interfacePlace(iface, where, kind, opts)
	if err != nil {
		return nil, p.refused(at, err)
	}
	if err := p.use(); err != nil {
		return nil, p.attachFail(at.name, err)
	}
	defer p.release()
	defer opts.Anchor.hold()()
	a := sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), Target: index, AttachType: where}
	if err := opts.Anchor.place(&a, opts.Revision); err != nil {
		return nil, p.refused(at, err)
	}
	fd, err := sys.LinkCreate(&a)
	if err != nil {
		return nil, p.refused(at, err)
	}
	return p.newLink(at.name, fd), nil
}

func (p *Program) addInterface(iface string, where uapi.AttachType, kind *interfaceHooks,
	opts *AddTCXOptions) error {
	if opts == nil {
		opts = &AddTCXOptions{}
	}
	at, index, err := p.interfacePlace(iface, where, kind, &opts.TCXOptions)
	if err != nil {
		return p.refused(at, err)
	}
	if err := p.use(); err != nil {
		return p.attachFail(at.name, err)
	}
	defer p.release()
	defer opts.Anchor.hold()()
	defer held(opts.Replace.descriptor())()
	a := sys.ProgAttachAttr{ProgFD: p.fd.Uint32(), Target: index, AttachType: where}
	if err := opts.Anchor.placeWithoutLink(&a, opts.Revision); err != nil {
		return p.refused(at, err)
	}
	if opts.Replace != nil {
		if err := opts.Replace.checkReplaced(); err != nil {
			return p.refused(at, err)
		}
		a.Flags |= uapi.FReplace
		a.ReplaceFD = opts.Replace.fd.Uint32()
	}
	if err := sys.ProgAttach(&a); err != nil {
		return p.refused(at, err)
	}
	return nil
}

func (p *Program) unaddInterface(iface string, where uapi.AttachType, kind *interfaceHooks) error {
	at, index, err := p.interfacePlace(iface, where, kind, &TCXOptions{})
	if err != nil {
		return p.notDetached(at, err)
	}
	if err := p.use(); err != nil {
		return p.notDetached(at, err)
	}
	defer p.release()
	if err := sys.ProgDetach(
		&sys.ProgAttachAttr{ProgFD: p.fd.Uint32(), Target: index, AttachType: where}); err != nil {
		return p.notDetached(at, err)
	}
	return nil
}
