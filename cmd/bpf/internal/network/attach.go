package network

import (
	"fmt"

	"github.com/purebpf/bpf/anchor"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

// kinds are what TYPE may be.
var kinds = [...]string{"xdp", "xdpgeneric", "xdpdrv", "xdpoffload", "tcx_ingress", "tcx_egress"}

func xdpModes() map[string]bpf.XDPMode {
	return map[string]bpf.XDPMode{
		"xdp": bpf.XDPAny, "xdpgeneric": bpf.XDPGeneric, "xdpdrv": bpf.XDPNative,
		"xdpoffload": bpf.XDPOffload,
	}
}

// kind takes TYPE: where is 0 for XDP.
func kind(r *tool.Run) (mode bpf.XDPMode, where uapi.AttachType, err error) {
	for _, k := range kinds {
		if !r.Take(k) {
			continue
		}
		switch k {
		case "tcx_ingress":
			return 0, uapi.AttachTCXIngress, nil
		case "tcx_egress":
			return 0, uapi.AttachTCXEgress, nil
		}
		return xdpModes()[k], 0, nil
	}
	return 0, 0, r.Unexpected()
}

// dev takes dev IF.
func dev(r *tool.Run) (string, error) {
	if !r.Take("dev") {
		return "", r.Unexpected()
	}
	return r.Next("name of an interface")
}

func attach(r *tool.Run) error {
	mode, where, err := kind(r)
	if err != nil {
		return err
	}
	p, err := r.OpenProgram()
	if err != nil {
		return err
	}
	defer p.Close()
	iface, err := dev(r)
	if err != nil {
		return err
	}
	word := ""
	if r.More() {
		switch {
		case where == 0 && r.Take("overwrite"):
			word = "overwrite"
		case where != 0 && r.Take("prepend"):
			word = "prepend"
		}
	}
	if err := r.End(); err != nil {
		return err
	}
	if where == 0 {
		_, err := nolink.SetXDP(p, iface,
			&nolink.XDPOptions{Mode: mode, IfAbsent: word != "overwrite"})
		return err
	}
	opts := &nolink.TCXOptions{}
	if word == "prepend" {
		opts.Anchor = anchor.First()
	}
	return nolink.AddTCX(p, iface, where, opts)
}

func detach(r *tool.Run) error {
	mode, where, err := kind(r)
	if err != nil {
		return err
	}
	iface, err := dev(r)
	if err != nil {
		return err
	}
	if err := r.End(); err != nil {
		return err
	}
	if where == 0 {
		return nolink.ClearXDP(iface, mode)
	}
	h, err := inspect.Interface(iface, where)
	if err != nil {
		return err
	}
	// The last one without a link.
	for i := len(h.Programs) - 1; i >= 0; i-- {
		if h.Programs[i].LinkID != 0 {
			continue
		}
		p, err := bpf.ProgramFromID(h.Programs[i].ProgramID)
		if err != nil {
			return err
		}
		defer p.Close()
		return nolink.RemoveTCX(p, iface, where)
	}
	return fmt.Errorf("%s has no program at %v that was attached without a link: %w", iface, where,
		bpf.ErrNotExist)
}
