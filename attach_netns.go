package bpf

import (
	"github.com/purebpf/bpf/anchor"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/sys"
)

// ThreadNetns names the network namespace of the calling thread. /proc/self/ns/net is that of the
// process's first thread, which differs if a thread has changed its own.
const ThreadNetns = "/proc/thread-self/ns/net"

// AttachNetns attaches a SEC("flow_dissector") or SEC("sk_lookup") program to the network namespace
// at path (ThreadNetns, /run/netns/NAME) (libbpf bpf_program__attach_netns; flow dissector 5.8,
// sk_lookup 5.9). EEXIST if the namespace has a flow dissector, of which there is one, or if the
// first namespace has one, which serves all.
func (p *Program) AttachNetns(path string) (*Link, error) {
	p = p.orNone()
	return p.linkPath(explain.NetnsPlace(path, p.expected), path, anchor.Anchor{},
		&sys.LinkCreateAttr{AttachType: p.expected})
}
