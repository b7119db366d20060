package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// TCXOptions changes where among others a program is attached to an interface.
type TCXOptions struct {
	Anchor Anchor
	// Revision is what QueryHook said; if the hook has changed since, attaching fails with ESTALE. 0: whatever it is.
	Revision uint64
}

// AttachTCX attaches a program to packets that come in (uapi.AttachTCXIngress) or go out (uapi.AttachTCXEgress) of an interface
// (libbpf bpf_program__attach_tcx; 6.6). A program with SEC("tcx/ingress") or "tcx/egress" may pass its own ExpectedAttachType; one
// with SEC("tc") fits both. Needs CAP_NET_ADMIN. The caller closes the Link.
func (p *Program) AttachTCX(iface string, where uapi.AttachType, opts *TCXOptions) (*Link, error) {
	to := fmt.Sprintf("%s (%v)", iface, where)
	if where != uapi.AttachTCXIngress && where != uapi.AttachTCXEgress {
		return nil, p.attachFail(to, fmt.Errorf("tcx has the hooks tcx_ingress and tcx_egress: %w", syscall.EINVAL))
	}
	return p.attachInterface(to, iface, where, opts)
}

// AttachNetkit attaches a program to a netkit device: to the primary one (uapi.AttachNetkitPrimary) or, from outside, to what its peer
// sends (uapi.AttachNetkitPeer) (libbpf bpf_program__attach_netkit; 6.7). Needs CAP_NET_ADMIN. The caller closes the Link.
func (p *Program) AttachNetkit(iface string, where uapi.AttachType, opts *TCXOptions) (*Link, error) {
	to := fmt.Sprintf("%s (%v)", iface, where)
	if where != uapi.AttachNetkitPrimary && where != uapi.AttachNetkitPeer {
		return nil, p.attachFail(to, fmt.Errorf("netkit has the hooks netkit_primary and netkit_peer: %w", syscall.EINVAL))
	}
	return p.attachInterface(to, iface, where, opts)
}

func (p *Program) attachInterface(to, iface string, where uapi.AttachType, opts *TCXOptions) (*Link, error) {
	if opts == nil {
		opts = &TCXOptions{}
	}
	if p.fd.Int() < 0 {
		return nil, p.attachFail(to, nil)
	}
	index, err := interfaceIndex(iface)
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	a := sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), Target: uint32(index), AttachType: where}
	if err := opts.Anchor.apply(&a, opts.Revision); err != nil {
		return nil, p.attachFail(to, err)
	}
	fd, err := sys.LinkCreate(&a)
	if err != nil {
		return nil, p.attachFail(to, err, kernel.CapNetAdmin)
	}
	return p.newLink(to, fd), nil
}
