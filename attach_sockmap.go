package bpf

import (
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// AttachSockMap attaches an sk_skb or sk_msg program to the sockets of a sockmap or sockhash by a link (libbpf
// bpf_program__attach_sockmap; 6.10). Needs CAP_NET_ADMIN. The caller closes the Link. Older kernels have SetSockMap.
func (p *Program) AttachSockMap(m *Map) (*Link, error) {
	to := "map " + m.name
	if p.fd.Int() < 0 || m.fd.Int() < 0 {
		return nil, p.attachFail(to, ErrClosed)
	}
	fd, err := sys.LinkCreate(&sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), Target: m.fd.Uint32(), AttachType: p.expected})
	if err != nil {
		return nil, p.attachFail(to, err, kernel.CapNetAdmin)
	}
	return p.newLink(to, fd), nil
}

// SetSockMap attaches an sk_skb or sk_msg program to the sockets of a sockmap or sockhash without a link (libbpf bpf_prog_attach;
// 4.14), in place of what is attached. It stays as long as the map does: UnsetSockMap takes it away.
func (p *Program) SetSockMap(m *Map) error { return p.setSockMap(m, "attach program", sys.ProgAttach) }

// UnsetSockMap takes the program away from a map where SetSockMap put it (libbpf bpf_prog_detach2). ErrNotExist if another one is there.
func (p *Program) UnsetSockMap(m *Map) error {
	return p.setSockMap(m, "detach program", sys.ProgDetach)
}

func (p *Program) setSockMap(m *Map, op string, call func(*sys.ProgAttachAttr) error) error {
	to := "map " + m.name
	err := error(ErrClosed)
	if p.fd.Int() >= 0 && m.fd.Int() >= 0 {
		err = call(&sys.ProgAttachAttr{Target: m.fd.Uint32(), ProgFD: p.fd.Uint32(), AttachType: p.expected})
	}
	if err == nil {
		return nil
	}
	e := p.attachFail(to, err, kernel.CapNetAdmin).(*Error)
	e.Op = op
	return e
}
