package bpf

import (
	"fmt"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// NetfilterOptions changes how a program is attached to a netfilter hook.
type NetfilterOptions struct {
	Priority int32 // lower runs earlier; not the lowest or the highest int32
	Defrag   bool  // reassemble fragments first (BPF_F_NETFILTER_IP_DEFRAG; 6.6)
}

// AttachNetfilter attaches a program to a netfilter hook of this network namespace (libbpf
// bpf_program__attach_netfilter; 6.4). EBUSY if a program has that priority already.
func (p *Program) AttachNetfilter(family uapi.NetfilterFamily, hook uapi.NetfilterHook,
	opts *NetfilterOptions) (*Link, error) {
	if opts == nil {
		opts = &NetfilterOptions{}
	}
	d := sys.LinkNetfilter{PF: family, HookNum: hook, Priority: opts.Priority}
	if opts.Defrag {
		d.Flags = uapi.FNetfilterIPDefrag
	}
	at := p.netfilterPlace(&d)
	if err := p.use(); err != nil {
		return nil, p.attachFail(at.Name, err)
	}
	defer p.release()
	fd, err := sys.LinkCreate(
		&sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), AttachType: uapi.AttachNetfilter, Detail: &d})
	if err != nil {
		return nil, p.refused(at, err)
	}
	return p.newLink(at.Name, fd), nil
}

var netfilterPrograms = [...]uapi.ProgType{uapi.ProgNetfilter}

func (p *Program) netfilterPlace(d *sys.LinkNetfilter) *explain.Place {
	return &explain.Place{
		Name: fmt.Sprintf("netfilter family %d hook %d priority %d",
			d.PF, d.HookNum, d.Priority),
		Types: netfilterPrograms[:], Need: []kernel.Capability{kernel.CapNetAdmin},
		Query: func() (*hooks.Hook, error) { return netfilterLinks(d) },
	}
}

// netfilterLinks lists the links at a place. The kernel doesn't report their network namespaces,
// nor hooks that aren't links.
func netfilterLinks(to *sys.LinkNetfilter) (*hooks.Hook, error) {
	h := &hooks.Hook{}
	for info, err := range linkinfo.All(uapi.LinkNetfilter) {
		if err != nil {
			return nil, err
		}
		d, ok := info.Detail.(*linkinfo.Netfilter)
		if ok && d.Family == to.PF && d.Hook == to.HookNum && d.Priority == to.Priority {
			h.Programs = append(h.Programs, hooks.Program{ID: info.ProgramID, LinkID: info.ID})
		}
	}
	return h, nil
}
