package nolink

import (
	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// TCXOptions says where a program is attached among others.
type TCXOptions struct {
	bpf.TCXOptions
	Replace *bpf.Program // the program to replace, attached without a link; nil: none
}

// AddTCX attaches a program as bpf.Program.AttachTCX does (libbpf bpf_prog_attach_opts; 6.6).
func AddTCX(p *bpf.Program, iface string, where uapi.AttachType, opts *TCXOptions) error {
	return addInterface(p, iface, where, explain.TCX, opts)
}

// RemoveTCX detaches the program where AddTCX attached it (libbpf bpf_prog_detach_opts).
// ErrNotExist if it isn't attached there; EBUSY if it is attached by a link.
func RemoveTCX(p *bpf.Program, iface string, where uapi.AttachType) error {
	return removeInterface(p, iface, where, explain.TCX)
}

// AddNetkit attaches a program as bpf.Program.AttachNetkit does (6.7).
func AddNetkit(p *bpf.Program, iface string, where uapi.AttachType, opts *TCXOptions) error {
	return addInterface(p, iface, where, explain.Netkit, opts)
}

// RemoveNetkit detaches the program where AddNetkit attached it. ErrNotExist if it isn't attached
// there; EBUSY if it is attached by a link.
func RemoveNetkit(p *bpf.Program, iface string, where uapi.AttachType) error {
	return removeInterface(p, iface, where, explain.Netkit)
}

func addInterface(p *bpf.Program, iface string, where uapi.AttachType, kind explain.InterfaceHooks,
	opts *TCXOptions) error {
	if opts == nil {
		opts = &TCXOptions{}
	}
	at, index, err := explain.InterfacePlace(kind, iface, where, opts.Revision)
	r := attach(p, at)
	r.anchor, r.replace = opts.Anchor, opts.Replace
	return r.do(func(a *sys.ProgAttachAttr) error {
		if err != nil {
			return err
		}
		a.Target, a.AttachType = index, where
		if opts.Replace != nil {
			a.Flags |= uapi.FReplace
		}
		return sys.ProgAttach(a)
	})
}

func removeInterface(p *bpf.Program, iface string, where uapi.AttachType,
	kind explain.InterfaceHooks) error {
	at, index, err := explain.InterfacePlace(kind, iface, where, 0)
	return detach(p, at).do(func(a *sys.ProgAttachAttr) error {
		if err != nil {
			return err
		}
		a.Target, a.AttachType = index, where
		return sys.ProgDetach(a)
	})
}
