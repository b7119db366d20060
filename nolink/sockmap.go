package nolink

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// SetSockMap attaches an sk_skb or sk_msg program to the sockets of a sockmap or sockhash (libbpf
// bpf_prog_attach; 4.14). It replaces a program that was attached in the same way; EBUSY if one is
// attached by a link.
func SetSockMap(p *bpf.Program, m *bpf.Map, opts *bpf.SockMapOptions) error {
	at, hook := sockMapPlace(p, m, opts)
	return onMap(attach(p, at), m, func(a *sys.ProgAttachAttr) error {
		a.AttachType = hook
		return sys.ProgAttach(a)
	})
}

// UnsetSockMap detaches the program from a map where SetSockMap attached it (libbpf
// bpf_prog_detach2). ErrNotExist if another program or none is attached.
func UnsetSockMap(p *bpf.Program, m *bpf.Map, opts *bpf.SockMapOptions) error {
	at, hook := sockMapPlace(p, m, opts)
	return onMap(detach(p, at), m, func(a *sys.ProgAttachAttr) error {
		if at.Rule != "" { // the kernel would take the map for a cgroup
			return fmt.Errorf("%s: %w", at.Rule, syscall.EINVAL)
		}
		a.AttachType = hook
		return sys.ProgDetach(a)
	})
}

func sockMapPlace(p *bpf.Program, m *bpf.Map,
	opts *bpf.SockMapOptions) (*explain.Place, uapi.AttachType) {
	hook := p.ExpectedAttachType()
	if opts != nil && opts.Type != 0 {
		hook = opts.Type
	}
	return explain.SockMapPlace(m, p.Type(), hook), hook
}

// onMap is do for the hook of a map.
func onMap(r *request, m *bpf.Map, call func(*sys.ProgAttachAttr) error) error {
	return r.do(func(a *sys.ProgAttachAttr) error {
		called := false
		err := m.UseFD(func(fd int) error {
			called = true
			a.Target = uint32(fd)
			return call(a)
		})
		if !called {
			return errors.Unwrap(err)
		}
		return err
	})
}
