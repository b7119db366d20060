package bpf

import (
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// SockMapOptions changes how a program is attached to a sockmap or sockhash.
type SockMapOptions struct {
	// Type is the attach type, for programs that may be a parser or a verdict: SEC("sk_skb"), or an
	// sk_skb program from OpenProgram or ProgramFromID. 0: ExpectedAttachType.
	Type uapi.AttachType
}

// AttachSockMap attaches an sk_skb or sk_msg program to the sockets of a sockmap or sockhash
// (libbpf bpf_program__attach_sockmap; 6.10; before that, nolink.SetSockMap). The program runs for
// sockets that are put into the map afterwards. A map takes one program of each attach type: a
// program attached without a link is replaced; EBUSY if there is one with a link.
func (p *Program) AttachSockMap(m *Map, opts *SockMapOptions) (*Link, error) {
	p = p.orNone()
	where := p.expected
	if opts != nil && opts.Type != 0 {
		where = opts.Type
	}
	at := explain.SockMapPlace(m, p.typ, where)
	if err := p.use(); err != nil {
		return nil, p.attachFail(at.Name, err)
	}
	defer p.release()
	if _, err := m.use(); err != nil {
		return nil, p.refused(at, err)
	}
	defer m.release()
	fd, err := sys.LinkCreate(&sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), Target: m.fd.Uint32(),
		AttachType: where})
	if err != nil {
		return nil, p.refused(at, err)
	}
	return p.newLink(at.Name, fd), nil
}
