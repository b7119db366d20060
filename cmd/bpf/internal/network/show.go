package network

import (
	"cmp"
	"errors"
	"slices"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/uapi"
)

func show(r *tool.Run) error {
	dev := ""
	if r.More() {
		if !r.Take("dev") {
			return r.Unexpected()
		}
		var err error
		if dev, err = r.Next("name of an interface"); err != nil {
			return err
		}
	}
	if err := r.End(); err != nil {
		return err
	}
	n, err := inspect.ReadNetwork(dev)
	if err != nil {
		return err
	}
	filters, err := netfilters()
	if err != nil {
		return err
	}
	if r.JSON != nil {
		r.JSON.Array()
		r.JSON.Object()
	}
	section(r, "xdp", func() {
		for _, i := range n.Interfaces {
			xdp(r, &i)
		}
	})
	section(r, "tc", func() {
		for _, i := range n.Interfaces {
			hooks(r, &i)
			classic(r, &i)
		}
	})
	section(r, "flow_dissector", func() {
		for _, p := range n.FlowDissector {
			if r.JSON == nil {
				r.Printf("id %d\n", p.ProgramID)
				continue
			}
			r.JSON.Object()
			r.JSON.UintKey("id", uint64(p.ProgramID))
			r.JSON.EndObject()
		}
	})
	section(r, "netfilter", func() {
		for _, f := range filters {
			netfilter(r, &f)
		}
	})
	if r.JSON != nil {
		r.JSON.EndObject()
		r.JSON.EndArray()
	}
	return nil
}

// section prints a list that has a name.
func section(r *tool.Run, name string, list func()) {
	if r.JSON == nil {
		r.Printf("%s:\n", name)
		list()
		r.Printf("\n")
		return
	}
	r.JSON.Key(name)
	r.JSON.Array()
	list()
	r.JSON.EndArray()
}

func modes() map[bpf.XDPMode]string {
	return map[bpf.XDPMode]string{
		bpf.XDPNative: "driver", bpf.XDPGeneric: "generic", bpf.XDPOffload: "offload",
	}
}

func xdp(r *tool.Run, i *inspect.NetworkInterface) {
	switch {
	case len(i.XDP) == 0:
		return
	case r.JSON == nil && len(i.XDP) == 1:
		r.Printf("%s(%d) %s id %d\n", i.Name, i.Index, modes()[i.XDP[0].Mode], i.XDP[0].ProgramID)
		return
	case r.JSON == nil:
		r.Printf("%s(%d)\n", i.Name, i.Index)
		for _, p := range i.XDP {
			r.Printf("        %s id %d\n", modes()[p.Mode], p.ProgramID)
		}
		return
	}
	device(r.JSON, i)
	if len(i.XDP) > 1 {
		r.JSON.Key("multi_attachments")
		r.JSON.Array()
	}
	for _, p := range i.XDP {
		if len(i.XDP) > 1 {
			r.JSON.Object()
		}
		r.JSON.StringKey("mode", modes()[p.Mode])
		r.JSON.UintKey("id", uint64(p.ProgramID))
		if len(i.XDP) > 1 {
			r.JSON.EndObject()
		}
	}
	if len(i.XDP) > 1 {
		r.JSON.EndArray()
	}
	r.JSON.EndObject()
}

// device begins the object of an attachment.
func device(j *tool.JSON, i *inspect.NetworkInterface) {
	j.Object()
	j.StringKey("devname", i.Name)
	j.IntKey("ifindex", int64(i.Index))
}

func places() map[uapi.AttachType]string {
	return map[uapi.AttachType]string{
		uapi.AttachTCXIngress: "tcx/ingress", uapi.AttachTCXEgress: "tcx/egress",
		uapi.AttachNetkitPrimary: "netkit/primary", uapi.AttachNetkitPeer: "netkit/peer",
	}
}

func hooks(r *tool.Run, i *inspect.NetworkInterface) {
	for _, h := range i.Hooks {
		for _, p := range h.Programs {
			name := tool.NameOfProgram(p.ProgramID)
			if r.JSON == nil {
				r.Printf("%s(%d) %s", i.Name, i.Index, places()[h.Where])
				if name != "" {
					r.Printf(" %s", name)
				}
				r.Printf(" prog_id %d ", p.ProgramID)
				if p.LinkID != 0 {
					r.Printf("link_id %d ", p.LinkID)
				}
				r.Printf("\n")
				continue
			}
			j := r.JSON
			device(j, i)
			j.StringKey("kind", places()[h.Where])
			if name != "" {
				j.StringKey("name", name)
			}
			j.UintKey("prog_id", uint64(p.ProgramID))
			bits(j, "prog_flags", uint32(p.Flags))
			j.UintKey("link_id", uint64(p.LinkID))
			bits(j, "link_flags", 0)
			j.EndObject()
		}
	}
}

// bits writes the bits that are set, each as a number.
func bits(j *tool.JSON, key string, set uint32) {
	j.Key(key)
	j.Array()
	for i := range 32 {
		if bit := uint32(1) << i; set&bit != 0 {
			j.Uint(uint64(bit))
		}
	}
	j.EndArray()
}

func classic(r *tool.Run, i *inspect.NetworkInterface) {
	for _, f := range i.Filters {
		if r.JSON == nil {
			r.Printf("%s(%d) %s %s id %d", i.Name, i.Index, f.Place, f.Name, f.ProgramID)
			if len(f.Actions) > 0 {
				r.Printf(" act [")
				for _, a := range f.Actions {
					r.Printf("%s id %d", a.Name, a.ProgramID)
				}
				r.Printf("]")
			}
			r.Printf("\n")
			continue
		}
		j := r.JSON
		device(j, i)
		j.StringKey("kind", f.Place)
		j.StringKey("name", f.Name)
		j.UintKey("id", uint64(f.ProgramID))
		if len(f.Actions) > 0 {
			j.Key("act")
			j.Array()
			for _, a := range f.Actions {
				j.Object()
				j.StringKey("name", a.Name)
				j.UintKey("id", uint64(a.ProgramID))
				j.EndObject()
			}
			j.EndArray()
		}
		j.EndObject()
	}
}

type filter struct {
	*linkinfo.Netfilter
	program uint32
}

// netfilters lists the links to netfilter, of all network namespaces, in the order of their hooks.
func netfilters() ([]filter, error) {
	links, err := inspect.Links(uapi.LinkNetfilter)
	if err != nil && !errors.Is(err, bpf.ErrNotSupported) {
		return nil, err
	}
	var list []filter
	for _, l := range links {
		if d, ok := l.Detail.(*linkinfo.Netfilter); ok {
			list = append(list, filter{d, l.ProgramID})
		}
	}
	slices.SortStableFunc(list, func(a, b filter) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Hook, b.Hook),
			cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Flags, b.Flags))
	})
	return list, nil
}

func netfilter(r *tool.Run, f *filter) {
	if r.JSON == nil {
		r.Printf("        pf %d hook %d prio %d flags %#x prog_id %d\n", uint32(f.Family),
			uint32(f.Hook), f.Priority, uint32(f.Flags), f.program)
		return
	}
	j := r.JSON
	j.Object()
	j.UintKey("pf", uint64(f.Family))
	j.UintKey("hook", uint64(f.Hook))
	j.IntKey("prio", int64(f.Priority))
	j.UintKey("flags", uint64(f.Flags))
	j.UintKey("id", uint64(f.program))
	j.EndObject()
}
