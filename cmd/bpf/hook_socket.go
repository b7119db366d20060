package main

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

func attachSockMap(s subject, h *hook) (hooked, error) {
	m, done, err := mapNamed(s.obj, h.target)
	if err != nil {
		return hooked{}, err
	}
	defer done()
	return one(s.AttachSockMap(m, h.sockMapOptions()))
}

func (h *hook) sockMapOptions() *bpf.SockMapOptions {
	o := &bpf.SockMapOptions{}
	if h.attachType != nil {
		o.Type = *h.attachType
	}
	return o
}

// setSockMap attaches only where nothing is attached: the kernel would replace another program.
func setSockMap(s subject, h *hook) (hooked, error) {
	m, done, err := mapNamed(s.obj, h.target)
	if err != nil {
		return hooked{}, err
	}
	o := h.sockMapOptions()
	where := o.Type
	if where == 0 {
		where = s.ExpectedAttachType()
	}
	if there, err := inspect.SockMap(m, where); err == nil && len(there.Programs) > 0 {
		return hooked{}, errors.Join(fmt.Errorf("program %d is attached to map %s: %w",
			there.Programs[0].ProgramID, h.target, bpf.ErrExist), done())
	}
	if err := nolink.SetSockMap(s.Program, m, o); err != nil {
		return hooked{}, errors.Join(err, done())
	}
	return hooked{
		what: fmt.Sprintf("%s to map %s, without a link", s.name(), h.target),
		undo: func() error { return errors.Join(nolink.UnsetSockMap(s.Program, m, o), done()) },
	}, nil
}

// sockMapTypes are the attach types of maps of sockets.
var sockMapTypes = []uapi.AttachType{
	uapi.AttachSKSKBStreamParser, uapi.AttachSKSKBStreamVerdict, uapi.AttachSKSKBVerdict,
	uapi.AttachSKMsgVerdict,
}

// sockMapThere queries every attach type of maps of sockets, or the one that the hook names.
func sockMapThere(h *hook) ([]attachment, error) {
	m, done, err := mapNamed(nil, h.target)
	if err != nil {
		return nil, err
	}
	defer done()
	info, err := m.Info()
	if err != nil {
		return nil, err
	}
	types := sockMapTypes
	if h.attachType != nil {
		types = []uapi.AttachType{*h.attachType}
	}
	var list []attachment
	for _, t := range types {
		there, err := inspect.SockMap(m, t)
		if h.attachType == nil &&
			(errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.EBUSY)) {
			// the map takes no such programs, or has one that excludes them: sk_skb/verdict and
			// sk_skb/stream_verdict
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := findLinks(there, uapi.LinkSockMap,
			&linkinfo.SockMap{MapID: info.ID, AttachType: t}); err != nil {
			return nil, err
		}
		list = append(list, hookedThere(there, func(p *bpf.Program) error {
			m, done, err := mapNamed(nil, h.target)
			if err != nil {
				return err
			}
			return errors.Join(nolink.UnsetSockMap(p, m, &bpf.SockMapOptions{Type: t}), done())
		})...)
	}
	return list, nil
}

func setFlowDissector(s subject, h *hook) (hooked, error) {
	there, err := inspect.Netns(kernel.ThreadNetns, uapi.AttachFlowDissector)
	if err == nil && len(there.Programs) > 0 {
		return hooked{}, fmt.Errorf(
			"program %d is the flow dissector of this network namespace: %w",
			there.Programs[0].ProgramID, bpf.ErrExist)
	}
	if err := nolink.SetFlowDissector(s.Program); err != nil {
		return hooked{}, err
	}
	return hooked{what: s.name() + " to this network namespace (flow dissector)",
		undo: func() error { return nolink.UnsetFlowDissector(s.Program) }}, nil
}

func flowDissectorThere(h *hook) ([]attachment, error) {
	there, err := inspect.Netns(kernel.ThreadNetns, uapi.AttachFlowDissector)
	if err != nil {
		return nil, err
	}
	id, err := tool.Inode(kernel.ThreadNetns)
	if err != nil {
		return nil, err
	}
	if err := findLinks(there, uapi.LinkNetns,
		&linkinfo.Netns{Inode: uint32(id), AttachType: uapi.AttachFlowDissector}); err != nil {
		return nil, err
	}
	return hookedThere(there, nolink.UnsetFlowDissector), nil
}

func setLIRC(s subject, h *hook) (hooked, error) {
	if err := nolink.AddLIRC(s.Program, h.target); err != nil {
		return hooked{}, err
	}
	return hooked{what: s.name() + " to " + h.target, undo: func() error {
		return nolink.RemoveLIRC(s.Program, h.target)
	}}, nil
}

func lircThere(h *hook) ([]attachment, error) {
	there, err := inspect.LIRC(h.target)
	if err != nil {
		return nil, err
	}
	return hookedThere(
		there,
		func(p *bpf.Program) error { return nolink.RemoveLIRC(p, h.target) },
	), nil
}
