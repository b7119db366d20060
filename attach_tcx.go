package bpf

import (
	"github.com/purebpf/bpf/anchor"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// TCXOptions says where a program is attached among the programs of an interface, by tcx or netkit.
type TCXOptions struct {
	Anchor anchor.Anchor
	// Revision is the revision from inspect.Interface; if the hook has changed since, attaching
	// fails with ESTALE. 0: any.
	Revision uint64
}

// AttachTCX attaches a SEC("tc") program to the packets that an interface receives
// (uapi.AttachTCXIngress) or sends (uapi.AttachTCXEgress) (libbpf bpf_program__attach_tcx; 6.6),
// whatever direction the section names. Without an Anchor it runs after all others; the first one
// that returns something other than TCX_NEXT decides. EEXIST if the program is attached there
// already.
func (p *Program) AttachTCX(iface string, where uapi.AttachType, opts *TCXOptions) (*Link, error) {
	return p.attachInterface(iface, where, explain.TCX, opts)
}

// AttachNetkit attaches a program to the packets that a netkit device (uapi.AttachNetkitPrimary) or
// its peer (uapi.AttachNetkitPeer) sends. iface is the primary device in both cases (libbpf
// bpf_program__attach_netkit; 6.7).
func (p *Program) AttachNetkit(iface string, where uapi.AttachType,
	opts *TCXOptions) (*Link, error) {
	return p.attachInterface(iface, where, explain.Netkit, opts)
}

func (p *Program) attachInterface(iface string, where uapi.AttachType, kind explain.InterfaceHooks,
	opts *TCXOptions) (*Link, error) {
	if opts == nil {
		opts = &TCXOptions{}
	}
	at, index, err := explain.InterfacePlace(kind, iface, where, opts.Revision)
	if err != nil {
		return nil, p.refused(at, err)
	}
	if err := p.use(); err != nil {
		return nil, p.attachFail(at.Name, err)
	}
	defer p.release()
	return p.linkNextTo(at, opts.Anchor, &sys.LinkCreateAttr{
		ProgFD: p.fd.Uint32(), Target: index, AttachType: where,
	})
}

// linkNextTo makes a link at the anchor. Without an anchor and a revision it adds nothing to the
// attribute, which every kernel accepts.
func (p *Program) linkNextTo(at *explain.Place, next anchor.Anchor,
	attr *sys.LinkCreateAttr) (*Link, error) {
	var link *Link
	var refusal *Error
	err := next.Use(func(flags uapi.AttachFlags, relative uint32) error {
		attr.Flags |= flags
		if relative != 0 || at.Revision != 0 {
			attr.Detail = &sys.LinkAnchor{Relative: relative, ExpectedRevision: at.Revision}
		}
		fd, err := sys.LinkCreate(attr)
		if err == nil {
			link = p.newLink(at.Name, fd)
			return nil
		}
		at.Anchor = explain.Anchor{Flags: flags, Relative: relative}
		refusal = p.refused(at, err)
		return refusal
	})
	if err != nil && refusal == nil {
		refusal = p.refused(at, err)
	}
	if refusal != nil {
		return nil, refusal
	}
	return link, nil
}
