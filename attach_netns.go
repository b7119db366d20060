package bpf

import (
	"github.com/purebpf/bpf/anchor"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/sys"
)

// AttachNetns attaches a SEC("flow_dissector") or SEC("sk_lookup") program to the network namespace
// at path, such as kernel.ThreadNetns (libbpf bpf_program__attach_netns; flow dissector 5.8,
// sk_lookup 5.9). EEXIST if the namespace has a flow dissector, or the initial one has.
func (p *Program) AttachNetns(path string) (*Link, error) {
	p = p.orNone()
	return p.linkPath(explain.NetnsPlace(path, p.expected), path, anchor.Anchor{},
		&sys.LinkCreateAttr{AttachType: p.expected})
}
