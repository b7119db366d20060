package bpf

import (
	"fmt"

	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// ThreadNetns names the network namespace of the calling thread. /proc/self/ns/net is that of the
// process's first thread, which differs if a thread has changed its own.
const ThreadNetns = "/proc/thread-self/ns/net"

// AttachNetns attaches a SEC("flow_dissector") or SEC("sk_lookup") program to the network namespace
// at path (ThreadNetns, /run/netns/NAME) by a link (libbpf bpf_program__attach_netns; flow
// dissector 5.8, sk_lookup 5.9). A namespace has at most one flow dissector and any number of
// sk_lookup programs. EEXIST if there is a flow dissector, or if the first namespace has one, which
// serves all. No privileges beyond those of the load. The caller closes the Link.
func (p *Program) AttachNetns(path string) (*Link, error) {
	p = p.orNone()
	return p.linkPath(p.netnsPlace(path), path, &sys.LinkCreateAttr{AttachType: p.expected})
}

// SetFlowDissector makes the program the flow dissector of the calling thread's network namespace
// without a link (libbpf bpf_prog_attach; 4.20). It replaces one that was set the same way. It
// stays when the process ends: UnsetFlowDissector detaches it. EEXIST if one is attached by a link.
// No privileges beyond those of the load.
func (p *Program) SetFlowDissector() error {
	at := p.netnsPlace(ThreadNetns)
	if err := p.use(); err != nil {
		return p.attachFail(at.name, err)
	}
	defer p.release()
	if err := sys.ProgAttach(&sys.ProgAttachAttr{ProgFD: p.fd.Uint32(),
		AttachType: uapi.AttachFlowDissector}); err != nil {
		return p.refused(at, err)
	}
	return nil
}

// UnsetFlowDissector detaches the program from the calling thread's network namespace, where
// SetFlowDissector attached it (libbpf bpf_prog_detach2). ErrNotExist if it isn't attached there.
func (p *Program) UnsetFlowDissector() error {
	at := p.netnsPlace(ThreadNetns)
	if err := p.use(); err != nil {
		return p.notDetached(at, err)
	}
	defer p.release()
	info, err := sys.ProgInfoByFD(p.fd.Int())
	if err != nil {
		return p.notDetached(at, err)
	}
	hook, err := at.ask(ThreadNetns, uapi.AttachFlowDissector)
	if err != nil {
		return p.notDetached(at, err)
	}
	if !hook.Has(info.ID) { // before 5.8 the kernel doesn't compare programs
		return p.notDetached(at, fmt.Errorf("not attached there: %w", ErrNotExist))
	}
	if err := sys.ProgDetach(&sys.ProgAttachAttr{ProgFD: p.fd.Uint32(),
		AttachType: uapi.AttachFlowDissector}); err != nil {
		return p.notDetached(at, err)
	}
	return nil
}

var netnsPrograms = [...]uapi.ProgType{uapi.ProgFlowDissector, uapi.ProgSKLookup}

func (p *Program) netnsPlace(path string) *place {
	return &place{
		name: "network namespace " + path, types: netnsPrograms[:],
		need:  []kernel.Capability{kernel.CapNetAdmin},
		query: func() (*hooks.Hook, error) { return hooks.QueryFile(path, p.expected, 0) },
	}
}
