package bpf

import (
	"fmt"
	"slices"
	"syscall"

	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// SockMapOptions changes how a program is attached to a sockmap or sockhash.
type SockMapOptions struct {
	// Type is the hook, for a program that doesn't say whether it is a parser or a verdict:
	// SEC("sk_skb"), or an sk_skb program from OpenProgram or ProgramFromID. 0: ExpectedAttachType.
	Type uapi.AttachType
}

// AttachSockMap attaches an sk_skb or sk_msg program to the sockets of a sockmap or sockhash by a
// link (libbpf bpf_program__attach_sockmap; 6.10). It applies to sockets that are put into the map
// afterwards. A map has one program per hook: EBUSY if one is attached by a link; one without a
// link is replaced. No privileges beyond those of the load. The caller closes the Link. On older
// kernels use SetSockMap.
func (p *Program) AttachSockMap(m *Map, opts *SockMapOptions) (*Link, error) {
	p = p.orNone()
	at := p.sockMapPlace(m, opts)
	if err := p.use(); err != nil {
		return nil, p.attachFail(at.name, err)
	}
	defer p.release()
	if _, err := m.use(); err != nil {
		return nil, p.refused(at, err)
	}
	defer m.release()
	fd, err := sys.LinkCreate(&sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), Target: m.fd.Uint32(),
		AttachType: p.sockMapHook(opts)})
	if err != nil {
		return nil, p.refused(at, err)
	}
	return p.newLink(at.name, fd), nil
}

// SetSockMap attaches an sk_skb or sk_msg program to the sockets of a sockmap or sockhash without a
// link (libbpf bpf_prog_attach; 4.14). It replaces a program that was set; EBUSY if one is attached
// by a link. It stays as long as the map exists, or until UnsetSockMap detaches it.
func (p *Program) SetSockMap(m *Map, opts *SockMapOptions) error {
	p = p.orNone()
	if err := p.setSockMap(m, opts, sys.ProgAttach); err != nil {
		return p.refused(p.sockMapPlace(m, opts), err)
	}
	return nil
}

// UnsetSockMap detaches the program from a map where SetSockMap attached it (libbpf
// bpf_prog_detach2). ErrNotExist if another program or none is attached.
func (p *Program) UnsetSockMap(m *Map, opts *SockMapOptions) error {
	p = p.orNone()
	at := p.sockMapPlace(m, opts)
	if at.rule != "" { // the kernel would take the map for a cgroup
		return p.notDetached(at, fmt.Errorf("%s: %w", at.rule, syscall.EINVAL))
	}
	if err := p.setSockMap(m, opts, sys.ProgDetach); err != nil {
		return p.notDetached(at, err)
	}
	return nil
}

func (p *Program) setSockMap(m *Map, opts *SockMapOptions,
	call func(*sys.ProgAttachAttr) error) error {
	if err := p.use(); err != nil {
		return err
	}
	defer p.release()
	if _, err := m.use(); err != nil {
		return err
	}
	defer m.release()
	return call(&sys.ProgAttachAttr{Target: m.fd.Uint32(), ProgFD: p.fd.Uint32(),
		AttachType: p.sockMapHook(opts)})
}

// sockMapHook is a hook of maps of sockets, and the type of its programs.
type sockMapHook struct {
	program uapi.ProgType
	attach  uapi.AttachType
}

var sockMapHooks = [...]sockMapHook{
	{uapi.ProgSKSKB, uapi.AttachSKSKBStreamParser}, {uapi.ProgSKSKB, uapi.AttachSKSKBStreamVerdict},
	{uapi.ProgSKSKB, uapi.AttachSKSKBVerdict},
	{uapi.ProgSKMsg, uapi.AttachSKMsgVerdict},
}

func (p *Program) sockMapHook(opts *SockMapOptions) uapi.AttachType {
	if opts != nil && opts.Type != 0 {
		return opts.Type
	}
	return p.expected
}

var sockMapPrograms = [...]uapi.ProgType{uapi.ProgSKSKB, uapi.ProgSKMsg}

func (p *Program) sockMapPlace(m *Map, opts *SockMapOptions) *place {
	where := p.sockMapHook(opts)
	at := &place{
		name: "map " + m.Name(), types: sockMapPrograms[:],
		need: []kernel.Capability{kernel.CapNetAdmin},
		query: func() (*hooks.Hook, error) {
			fd, err := m.use()
			if err != nil {
				return nil, err
			}
			defer m.release()
			return hooks.Query(uint32(fd), where, 0)
		},
	}
	switch {
	case m.Type() != uapi.MapSockMap && m.Type() != uapi.MapSockHash:
		at.rule = fmt.Sprintf("the map is of type %v and holds no sockets", m.Type())
	case where == 0:
		at.rule = "whether the program is a parser or a verdict is unknown; set the option Type"
	case !slices.Contains(sockMapHooks[:], sockMapHook{p.typ, where}):
		at.rule = fmt.Sprintf("programs of type %v have no attach type %v", p.typ, where)
	}
	return at
}
