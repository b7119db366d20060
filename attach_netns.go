package bpf

import (
	"github.com/purebpf/bpf/anchor"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/sys"
)

// ThreadNetns names the network namespace of the calling thread. /proc/self/ns/net names that of
// the process's first thread, which is another one if the calling thread has changed its own.
const ThreadNetns = "/proc/thread-self/ns/net"

// AttachNetns attaches a SEC("flow_dissector") or SEC("sk_lookup") program to the network namespace
// at path (ThreadNetns, /run/netns/NAME) (libbpf bpf_program__attach_netns; flow dissector 5.8,
// sk_lookup 5.9). EEXIST if the namespace has a flow dissector, or the initial namespace has one,
// which serves all.
func (p *Program) AttachNetns(path string) (*Link, error) {
	p = p.orNone()
	return p.linkPath(explain.NetnsPlace(path, p.expected), path, anchor.Anchor{},
		&sys.LinkCreateAttr{AttachType: p.expected})
}
