package bpf

import (
	"fmt"

	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// NetfilterOptions says where in netfilter a program runs.
type NetfilterOptions struct {
	Family   uint32 // NFPROTO_IPV4 (2) or NFPROTO_IPV6 (10)
	Hook     uint32 // NF_INET_PRE_ROUTING (0), LOCAL_IN, FORWARD, LOCAL_OUT, POST_ROUTING (4)
	Priority int32  // lower runs earlier; must not be the lowest or the highest int32
	Defrag   bool   // reassemble fragments first (BPF_F_NETFILTER_IP_DEFRAG; 6.6)
}

// AttachNetfilter attaches a program to a netfilter hook of this network namespace (libbpf
// bpf_program__attach_netfilter; 6.4). No privileges beyond those of the load. EBUSY if a program
// has that priority already. The caller closes the Link.
func (p *Program) AttachNetfilter(opts *NetfilterOptions) (*Link, error) {
	if opts == nil {
		opts = &NetfilterOptions{}
	}
	at := p.netfilterPlace(opts)
	if err := p.use(); err != nil {
		return nil, p.attachFail(at.name, err)
	}
	defer p.release()
	d := sys.LinkNetfilter{PF: opts.Family, HookNum: opts.Hook, Priority: opts.Priority}
	if opts.Defrag {
		d.Flags = 1
	}
	fd, err := sys.LinkCreate(
		&sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), AttachType: uapi.AttachNetfilter, Detail: &d})
	if err != nil {
		return nil, p.refused(at, err)
	}
	return p.newLink(at.name, fd), nil
}

var netfilterPrograms = [...]uapi.ProgType{uapi.ProgNetfilter}

func (p *Program) netfilterPlace(opts *NetfilterOptions) *place {
	return &place{
		name: fmt.Sprintf("netfilter family %d hook %d priority %d",
			opts.Family, opts.Hook, opts.Priority),
		types: netfilterPrograms[:], need: []kernel.Capability{kernel.CapNetAdmin},
		query: func() (*hooks.Hook, error) { return netfilterLinks(opts) },
	}
}

// netfilterLinks lists the links at a place. The kernel doesn't report their network namespaces,
// nor hooks that aren't links.
func netfilterLinks(opts *NetfilterOptions) (*hooks.Hook, error) {
	h := &hooks.Hook{}
	for info, err := range linkinfo.All(uapi.LinkNetfilter) {
		if err != nil {
			return nil, err
		}
		d, ok := info.Detail.(*linkinfo.Netfilter)
		if ok && d.Family == opts.Family && d.Hook == opts.Hook && d.Priority == opts.Priority {
			h.Programs = append(h.Programs, hooks.Program{ID: info.ProgramID, LinkID: info.ID})
		}
	}
	return h, nil
}
